"""Content of a W&B run, independent of the W&B library."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.store.files import file_sha256

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Chart:
    """Line chart with one x axis.

    Attributes:
        title: Title of the chart.
        axis: Label of the x axis.
        lines: Points ``(xs, ys)`` by the name of the line.
    """

    title: str
    axis: str
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]]


@dataclass(frozen=True)
class Run:
    """Content of a W&B run that is written in one step, from files.

    Attributes:
        id: Identifier of the run; the same inputs give the same identifier.
        facts: ``name``, ``job_type``, ``tags`` and ``config`` of the run.
        summary: Final values by name.
        tables: Frames by name.
        charts: Line charts by name.
        pictures: Paths of PNG files by name.
        history: Values of each epoch, in order; every entry has the key ``epoch``.
    """

    id: str
    facts: Mapping[str, Any]
    summary: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    charts: Mapping[str, Chart] = field(default_factory=dict)
    pictures: Mapping[str, Path] = field(default_factory=dict)
    history: Sequence[Mapping[str, float]] = ()

    def digest(self) -> str:
        """Return the sha256 of the content of the run, including its files."""
        content = [
            repr((self.id, self.facts, self.summary, self.charts, self.history)),
            *(f"{name} {frame.to_csv(index=False)}" for name, frame in self.tables.items()),
            *(f"{name} {file_sha256(path)}" for name, path in self.pictures.items()),
        ]
        return hashlib.sha256("\n".join(content).encode()).hexdigest()
