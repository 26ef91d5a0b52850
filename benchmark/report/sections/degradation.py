"""Degradation: curves of the score along the axis of each perturbation."""

from __future__ import annotations

from typing import Any

from benchmark.report.data import ReportData
from benchmark.report.sections.base import Section, include


def _build(data: ReportData) -> dict[str, Any] | None:
    if not data.figures.curves:
        return None
    plotted = {style.model for style in data.plotted}
    return {
        "curves": data.figures.curves,
        "hidden": [style.model for style in data.models if style.model not in plotted],
    }


SECTION = Section(
    "curves",
    "Degradation",
    20,
    include("degradation"),
    _build,
    shows=("curves/*", "figures/degradation*", "figures/clean_against_robust"),
)
