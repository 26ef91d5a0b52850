"""Tables that a report shows where they exist, beside those that it always has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd


def extra(directory: Path, name: str, needed: Sequence[str]) -> pd.DataFrame:
    """Read ``directory/name``; an empty frame where it is absent or lacks a column.

    Args:
        directory: ``results/<dataset>``.
        name: Of the CSV file.
        needed: Columns that the report reads; further ones are kept.
    """
    path = directory / name
    blank = pd.DataFrame({column: pd.Series(dtype="object") for column in needed})
    if not path.is_file():
        return blank
    frame = pd.read_csv(path)
    return frame if set(needed) <= set(frame.columns) else blank
