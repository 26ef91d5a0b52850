"""Published tests compared with the suite and with the controls."""

from __future__ import annotations

from typing import Any

from benchmark.report.data import ReportData
from benchmark.report.figures.protocols import matched_levels, protocol_comparison
from benchmark.report.sections.base import Section, include


def _build(data: ReportData) -> dict[str, Any] | None:
    picture = data.figures.wide.get("protocols")
    if not picture:
        return None
    tables = data.tables
    points = protocol_comparison(tables.robustness, tables.consistency, data.metric)
    return {"picture": picture, "pairs": matched_levels(points, data.metric)}


SECTION = Section(
    "protocols",
    "Published tests and the suite",
    50,
    include("protocols"),
    _build,
    shows=("figures/protocols",),
)
