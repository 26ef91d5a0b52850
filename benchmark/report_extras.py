"""Tables that a report shows where they exist, beside those that it always has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

CONSISTENCY = (
    *("model", "protocol", "perturbation", "severity", "metric", "value", "low", "high"),
)
CATEGORIES = (
    *("model", "protocol", "family", "severity", "category", "n_tags", "roc_auc", "drop"),
)


@dataclass(frozen=True)
class Extras:
    """Frames that may be empty.

    Attributes:
        consistency: ``consistency.csv``.
        categories: ``per_category.csv``.
    """

    consistency: pd.DataFrame = field(default_factory=pd.DataFrame)
    categories: pd.DataFrame = field(default_factory=pd.DataFrame)

    @classmethod
    def read(cls, directory: Path) -> Extras:
        """Read what is in ``results/<dataset>``."""
        return cls(
            extra(directory, "consistency.csv", CONSISTENCY),
            extra(directory, "per_category.csv", CATEGORIES),
        )


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
