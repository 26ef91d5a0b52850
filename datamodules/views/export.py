"""Export of a view as a CSV table, one row for each track."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import open_atomic
from datamodules.common.progress import Progress
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import Float32
from datamodules.views.base import View
from datamodules.views.build import build_view

if TYPE_CHECKING:
    import pandas as pd

_TRACKS = 1000
"""Tracks formatted at a time."""


def export_view(
    corpus: Corpus,
    view: View,
    out: Path,
    *,
    workers: int = 0,
    progress: Progress | None = None,
) -> None:
    """Write a view of every track of a corpus as CSV, ordered by track id.

    The header has one line for each level of `View.columns`, and a line with the name of the
    index, so that ``pandas.read_csv(out, index_col=0, header=[0, 1, 2])`` reads a table of three
    levels such as that of `FmaFeatures`. A view with several rows for each track has the number of
    the row as a second index. The names of a single level are not written.

    Args:
        corpus: A prepared corpus.
        view: The view; what is stored of it is read.
        out: The CSV file to write.
        workers: Number of processes; 0 computes in this process.
        progress: Receives the progress.

    Raises:
        TagbenchError: The view cannot be computed, or the file cannot be written.
    """
    stored = build_view(corpus, view, np.arange(len(corpus)), workers=workers, progress=progress)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with open_atomic(out) as file:
            for start in range(0, len(corpus), _TRACKS):
                block = range(start, min(start + _TRACKS, len(corpus)))
                tracks = [stored.track(row) for row in block]
                _write(file, _frame(corpus, view, block, tracks), header=start == 0)
    except OSError as error:
        raise TagbenchError(
            f"{out} could not be written: {error}. Free some space, or choose another file with "
            "--out."
        ) from error


def _frame(corpus: Corpus, view: View, rows: range, tracks: list[Float32]) -> pd.DataFrame:
    import pandas as pd

    ids = [str(corpus.track_ids[row]) for row in rows]
    index: pd.Index = pd.Index(ids, name="track_id")
    if view.seconds_per_row is not None:
        lengths = [len(track) for track in tracks]
        numbers = np.concatenate([np.arange(length) for length in lengths])
        index = pd.MultiIndex.from_arrays(
            [np.repeat(ids, lengths), numbers], names=["track_id", "row"]
        )
    columns: pd.Index = pd.MultiIndex.from_tuples(view.columns, names=view.column_levels)
    if columns.nlevels == 1:
        columns = columns.get_level_values(0).rename(None)
    return pd.DataFrame(np.concatenate(tracks), index=index, columns=columns)


def _write(file: IO[bytes], frame: pd.DataFrame, *, header: bool) -> None:
    # the format of the published features.csv
    frame.to_csv(file, header=header, float_format="%.10e", lineterminator="\n")
