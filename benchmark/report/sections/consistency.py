"""Consistency: change of the predictions relative to clean audio, without labels."""

from __future__ import annotations

from typing import Any

from benchmark.report.data import ReportData
from benchmark.report.labels import CONDITION_KEYS, suite_first
from benchmark.report.sections.base import Section, include
from benchmark.score.consistency import MAIN, TITLES


def _build(data: ReportData) -> dict[str, Any] | None:
    """Return ``models``, ``measures`` and ``rows``, one per condition.

    A row has a cell per model: a row of ``consistency.csv`` per measure and the shade of the main
    measure; None where the model was not evaluated under that condition.
    """
    frame = suite_first(data.tables.consistency)
    if frame.empty:
        return None
    evaluated = set(frame["model"])
    models = [model for model in data.tables.leaderboard["model"] if model in evaluated]
    measures = [name for name in TITLES if name in set(frame["metric"])]
    top = float(frame.loc[frame["metric"] == MAIN, "value"].max())
    rows = []
    for key, condition_rows in frame.groupby(CONDITION_KEYS, sort=False, dropna=False):
        cells = []
        for model in models:
            own = condition_rows[condition_rows["model"] == model]
            by_measure = {str(row["metric"]): row for row in own.to_dict("records")}
            shade = round(by_measure[MAIN]["value"] / top, 3) if by_measure and top > 0 else 0.0
            cells.append({"by_measure": by_measure, "shade": shade} if by_measure else None)
        rows.append({**dict(zip(CONDITION_KEYS, key, strict=True)), "cells": cells})
    return {"models": models, "measures": {n: TITLES[n] for n in measures}, "rows": rows}


SECTION = Section(
    "consistency", "Consistency", 70, include("consistency"), _build, shows=("consistency",)
)
