"""Drop by family of perturbations and severity."""

from __future__ import annotations

from typing import Any

from benchmark.report.data import ReportData
from benchmark.report.sections.base import Section, include


def _build(data: ReportData) -> dict[str, Any] | None:
    picture = data.figures.wide.get("families")
    return {"picture": picture} if picture else None


SECTION = Section(
    "families", "Families by severity", 30, include("families"), _build, shows=("figures/families",)
)
