"""Scores from publications, which ``results/published.csv`` lists with their sources."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[1] / "results" / "published.csv"

PUBLISHED = _CHECKOUT if _CHECKOUT.is_file() else Path(__file__).with_name("published.csv")
"""The table; a wheel holds it in this package."""


@dataclass(frozen=True)
class PublishedScore:
    """One score of one model, as its publication reports it.

    Attributes:
        source: Publication and table.
        dataset: Dataset that the score is of.
        split: Split of the dataset.
        trained_on: Dataset that the model was trained on.
        model: Name of the model file.
        reported_as: Name of the model in the publication.
        metric: Name of the metric.
        value: The score; a fraction.
        note: How the protocol differs from that of the other rows of the source.
    """

    source: str
    dataset: str
    split: str
    trained_on: str
    model: str
    reported_as: str
    metric: str
    value: float
    note: str


def read_published(path: Path = PUBLISHED) -> tuple[PublishedScore, ...]:
    """Read a table of published scores."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [dict(row) for row in csv.DictReader(lines)]
    return tuple(PublishedScore(value=float(row.pop("value")), **row) for row in rows)
