"""Writer of ``split.csv``, the record of a split that was drawn."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from datamodules.common.filesystem import replace_file

if TYPE_CHECKING:
    import pandas as pd


def write_split(frame: pd.DataFrame, path: Path) -> None:
    """Write the columns ``path,split,artist``, unless the file has this content already.

    Args:
        frame: A manifest with the columns ``track_id``, ``split`` and ``artist``.
        path: The file.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("path", "split", "artist"))
    writer.writerows(zip(frame["track_id"], frame["split"], frame["artist"], strict=True))
    content = text.getvalue().encode()
    if not path.is_file() or path.read_bytes() != content:
        replace_file(path, content)
