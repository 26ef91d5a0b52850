"""Drop of every model under every condition."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmark.report.data import ReportData
from benchmark.report.labels import CONDITION_KEYS, records, suite_first, without_audio
from benchmark.report.sections.base import Section, include


def _build(data: ReportData) -> dict[str, Any] | None:
    rows = _rows(data) if data.labelled else []
    board = data.tables.leaderboard
    return {"rows": rows, "without_audio": without_audio(board)} if rows else None


def _rows(data: ReportData) -> list[dict[str, Any]]:
    """Return one row per perturbed condition, with a cell per model and the shade of its drop."""
    robustness = data.tables.robustness
    rows = robustness[(robustness["metric"] == data.metric) & (robustness["severity"] > 0)]
    rows = suite_first(rows)
    top = float(rows["drop"].max()) if rows["drop"].notna().any() else 0.0
    table = []
    for key, condition_rows in rows.groupby(CONDITION_KEYS, sort=False, dropna=False):
        cells: dict[str, dict[str, Any]] = {}
        for cell in records(condition_rows):
            drop, low = cell["drop"], cell["drop_low"]
            shade = 0.0 if pd.isna(drop) or top <= 0 else max(0.0, round(drop / top, 3))
            certain = not pd.isna(low) and (low > 0 or cell["drop_high"] < 0)
            cells[str(cell["model"])] = {**cell, "shade": shade, "certain": certain}
        named = dict(zip(CONDITION_KEYS, key, strict=True))
        table.append({**named, "cells": [cells.get(style.model) for style in data.models]})
    return table


SECTION = Section(
    "conditions",
    "All conditions",
    60,
    include("conditions"),
    _build,
    shows=("robustness", "figures/drops"),
)
