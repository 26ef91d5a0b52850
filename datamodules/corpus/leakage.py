"""Overlap between the splits of a dataset: tracks, recordings, artists, albums and songs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from datamodules.common.errors import TagbenchError
from datamodules.corpus.track import SPLITS

if TYPE_CHECKING:
    import pandas as pd

GROUPS = ("artist", "album", "song")
"""Columns of a manifest whose values two splits should not share."""


def membership(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return in which splits each value of a column occurs.

    Args:
        frame: A manifest, with the columns ``split`` and ``column``.
        column: Such as ``"artist"``; its empty values mean unknown and are left out.

    Returns:
        A row for each value, sorted, and a Boolean column for each of ``SPLITS``.
    """
    import pandas as pd

    labelled = frame[frame[column] != ""]
    counts = pd.crosstab(labelled[column], labelled["split"])
    return counts.reindex(columns=list(SPLITS), fill_value=0) > 0


def shared_values(frame: pd.DataFrame, column: str) -> list[str]:
    """Return the values of a column that occur in more than one split, sorted."""
    table = membership(frame, column)
    return [str(value) for value in table.index[table.sum(axis=1) > 1]]


def check_disjoint(frame: pd.DataFrame) -> list[str]:
    """Check that no track is in two splits, and describe what else two splits share.

    Args:
        frame: A manifest with the columns ``track_id``, ``split``, ``artist``, ``album`` and
            ``audio_sha256``.

    Returns:
        One sentence for each kind of leak, with its count. The split of a publisher may have some.

    Raises:
        TagbenchError: If a track is in two splits.
    """
    tracks = shared_values(frame, "track_id")
    if tracks:
        raise TagbenchError(
            f"{len(tracks)} tracks are in more than one split, such as {tracks[0]!r}."
        )
    cautions = []
    if recordings := shared_values(frame, "audio_sha256"):
        first = frame[frame["audio_sha256"] == recordings[0]]
        names = ", ".join(f"{row.track_id} ({row.split})" for row in first.itertuples())
        cautions.append(
            f"{len(recordings)} recordings are in more than one split under several names: {names}"
            + (" and others." if len(recordings) > 1 else ".")
        )
    for column in ("artist", "album"):
        table = membership(frame, column)
        if shared := int((table.sum(axis=1) > 1).sum()):
            cautions.append(
                f"{shared} of {len(table)} {column}s are in more than one split: "
                f"scores may be higher than on unknown {column}s."
            )
    return cautions


def check_positives(tags: Sequence[str], frame: pd.DataFrame) -> list[str]:
    """Return one sentence for each split in which tags have no positive track.

    Scores of that split leave these tags out.
    """
    cautions = []
    for split in SPLITS:
        rows = frame.loc[frame["split"] == split, "tags"]
        present = {tag for row in rows for tag in row}
        lacking = [tag for tag in tags if tag not in present]
        if lacking and len(rows):
            cautions.append(
                f"{len(lacking)} of {len(tags)} tags have no positive in {split}: "
                f"{', '.join(lacking)}."
            )
    return cautions


def group_overlap(frame: pd.DataFrame) -> pd.DataFrame:
    """Count the artists, albums and songs of each split, and those that two splits share.

    Args:
        frame: A manifest: ``split`` and the columns of `GROUPS`, empty where unknown.

    Returns:
        One row for each kind: ``group``, ``clips_known`` (clips whose group is known), ``groups``,
        the number in each split, those of a split that occur in another (``train_shared``), those
        in each pair of splits (``train_test``), and ``test_clips_seen``, the share of the test
        clips with a known group whose group occurs in another split.
    """
    import pandas as pd

    rows = []
    for column in GROUPS:
        table = membership(frame, column)
        shared = table.sum(axis=1) > 1
        test = frame.loc[(frame["split"] == "test") & (frame[column] != ""), column]
        seen = test.isin(table.index[shared & table["test"]])
        rows.append(
            {
                "group": column,
                "clips_known": int((frame[column] != "").sum()),
                "groups": len(table),
                **{split: int(table[split].sum()) for split in SPLITS},
                **{f"{s}_shared": int((table[s] & shared).sum()) for s in SPLITS},
                **{
                    f"{a}_{b}": int((table[a] & table[b]).sum()) for a, b in combinations(SPLITS, 2)
                },
                "test_clips_seen": float(seen.mean()) if len(test) else np.nan,
            }
        )
    return pd.DataFrame(rows)
