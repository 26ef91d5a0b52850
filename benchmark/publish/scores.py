"""Scores of a model under each condition, with the texts that formats without intervals need."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from benchmark.perturbations import SUITE
from benchmark.report.labels import metric_title
from benchmark.score.metrics import primary_metric
from benchmark.store.tables import Tables

_BESIDE = ("pr_auc",)  # published beside the metric that ranks the models


@dataclass(frozen=True)
class Score:
    """A score of a model under a condition.

    Attributes:
        metric: Name of the metric.
        value: The score, as a fraction; the mean over seeds.
        low: Lower end of the 95 % interval; None if there is none.
        high: Upper end.
        protocol: Protocol of the perturbation.
        perturbation: Its name; ``"clean"`` for unperturbed audio.
        severity: 0 for unperturbed audio.
        level: Level in ``unit``; None if there is none.
        unit: Unit of the level.
        n_tracks: Tracks of the test set.
        n_tags: Tags that the score is a mean over; None for a score of tracks.
        n_seeds: Training seeds that the score is a mean over.
    """

    metric: str
    value: float
    low: float | None
    high: float | None
    protocol: str
    perturbation: str
    severity: int
    level: float | None
    unit: str
    n_tracks: int
    n_tags: int | None
    n_seeds: int

    @property
    def clean(self) -> bool:
        """Whether the audio is unperturbed."""
        return self.severity == 0

    @property
    def title(self) -> str:
        """Title of the metric."""
        return metric_title(self.metric)

    @property
    def condition(self) -> str:
        """The condition in words, such as ``"white_noise, severity 3 (15 dB SNR)"``."""
        if self.clean:
            return self.perturbation
        level = "" if self.level is None or not self.unit else f" ({self.level:g} {self.unit})"
        return f"{self.perturbation}, severity {self.severity}{level}"

    @property
    def interval(self) -> str:
        """The 95 % interval in words; empty if there is none."""
        if self.low is None or self.high is None:
            return ""
        return f"95 % interval {self.low:.4f} to {self.high:.4f}"

    @property
    def task_id(self) -> str:
        """Identifier of metric and condition: the metric alone for clean audio of the suite."""
        parts = [self.metric]
        if self.protocol != SUITE:
            parts.append(self.protocol)
        if not self.clean:
            parts += [self.perturbation, str(self.severity)]
        return "_".join(parts)

    @property
    def notes(self) -> str:
        """Protocol, condition, interval and counts in one line."""
        seeds = f"mean over {self.n_seeds} training seeds" if self.n_seeds > 1 else ""
        tags = "" if self.n_tags is None else f", {self.n_tags} tags"
        counts = f"{self.n_tracks} test tracks{tags}"
        parts = (f"protocol {self.protocol}", f"condition {self.condition}", self.interval, seeds,
                 counts)  # fmt: skip
        return "; ".join(part for part in parts if part)


def scores_of(tables: Tables, model: str) -> tuple[Score, ...]:
    """Return the main scores of a model: clean audio first, then in the order of the table."""
    rows = tables.robustness
    metrics = (primary_metric(tables.task), *_BESIDE)
    own = rows[(rows["model"] == model) & rows["metric"].isin(metrics)].dropna(subset=["value"])
    own = own.sort_values("severity", key=lambda values: values > 0, kind="stable")
    return tuple(
        Score(
            metric=str(row["metric"]),
            value=float(row["value"]),
            low=_number(row["low"]),
            high=_number(row["high"]),
            protocol=str(row["protocol"]),
            perturbation=str(row["perturbation"]),
            severity=int(row["severity"]),
            # Clean audio and chains have no axis.
            level=None if pd.isna(row["unit"]) else _number(row["level"]),
            unit="" if pd.isna(row["unit"]) else str(row["unit"]),
            n_tracks=int(row["n_tracks"]),
            n_tags=None if pd.isna(row["n_tags"]) else int(row["n_tags"]),
            n_seeds=int(row["n_seeds"]),
        )
        for row in own.to_dict("records")
    )


def _number(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
