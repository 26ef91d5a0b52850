"""Cells that failed."""

from __future__ import annotations

from typing import Any

from benchmark.report.data import ReportData
from benchmark.report.labels import records
from benchmark.report.sections.base import Section, include


def _build(data: ReportData) -> dict[str, Any] | None:
    rows = records(data.tables.failures)
    return {"rows": rows} if rows else None


SECTION = Section("failures", "Failures", 130, include("failures"), _build, shows=("failures",))
