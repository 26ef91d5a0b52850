"""Methods: how the scores and intervals are computed, as text for a paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchmark.report.data import ReportData
from benchmark.report.labels import pair_title, suite_first_pairs
from benchmark.report.sections.base import Section, include


def _build(data: ReportData) -> dict[str, Any]:
    settings = data.provenance.get("Protocol", {})
    windows = settings.get("windows") if isinstance(settings, Mapping) else None
    return {
        "counts": data.provenance.get("Data", {}),
        "settings": settings,
        "windows": windows if isinstance(windows, str) else data.facts["windows"],
        "ladders": ladders(data.tables.robustness),
        "software": software(data.provenance),
    }


def ladders(robustness: pd.DataFrame) -> list[str]:
    """Return the levels of each family in words: ``pitch shift at −1, 1 semitones``."""
    rows = robustness[robustness["severity"] > 0]
    lines = []
    for protocol, family in suite_first_pairs(rows):
        own = rows[(rows["protocol"] == protocol) & (rows["family"] == family)]
        unit = "" if own["unit"].isna().iloc[0] else str(own["unit"].iloc[0])
        levels = ", ".join(
            f"{level:.4g}".replace("-", "\N{MINUS SIGN}") for level in sorted(set(own["level"]))
        )
        lines.append(f"{pair_title(protocol, family)} at {levels} {unit}".strip())
    return lines


def software(provenance: Mapping[str, Any]) -> str:
    """Return the versions of all packages as one line."""
    versions = provenance.get("Software", {})
    if not isinstance(versions, Mapping):
        return ""
    skipped = {"commit", "lock_sha256", "platform", "cpu_count"}
    named = [
        f"{name} {value if isinstance(value, str) else ', '.join(map(str, value))}"
        for name, value in versions.items()
        if name not in skipped and value != "absent"
    ]
    return ", ".join(named)


SECTION = Section("methods", "Methods", 140, include("methods"), _build)
