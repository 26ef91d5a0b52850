"""References: the BibTeX entries to cite."""

from __future__ import annotations

from typing import Any

from benchmark.report.data import ReportData
from benchmark.report.sections.base import Section, include


def _build(data: ReportData) -> dict[str, Any]:
    return {"text": data.references, "cites_models": data.cites_models}


SECTION = Section("references", "References", 160, include("references"), _build)
