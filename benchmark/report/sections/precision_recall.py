"""Precision-recall curves of a single-label task, on the flattened scores."""

from __future__ import annotations

from typing import Any

from benchmark.report.data import ReportData
from benchmark.report.sections.base import Section, include


def _build(data: ReportData) -> dict[str, Any] | None:
    picture = data.figures.wide.get("precision_recall")
    return {"picture": picture} if picture else None


SECTION = Section(
    "precision",
    "Precision and recall",
    105,
    include("precision_recall"),
    _build,
    shows=("precision_recall", "figures/precision_recall"),
)
