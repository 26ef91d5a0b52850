"""Confusion matrices of a single-label task."""

from __future__ import annotations

from typing import Any

from benchmark.report.data import ReportData
from benchmark.report.sections.base import Section, include


def _build(data: ReportData) -> dict[str, Any] | None:
    matrices = data.figures.confusion
    return {"matrices": matrices} if matrices else None


SECTION = Section(
    "confusion",
    "Confusion",
    100,
    include("confusion"),
    _build,
    shows=("confusion", "figures/confusion_*"),
)
