"""Measured effects of the perturbations on the audio."""

from __future__ import annotations

from typing import Any

from benchmark.report.data import ReportData
from benchmark.report.labels import level_label, suite_first
from benchmark.report.sections.base import Section, include

_KEYS = ["protocol", "perturbation", "severity", "level", "unit"]


def _build(data: ReportData) -> dict[str, Any] | None:
    """Return one row per condition and one column per quantity; None where none was measured."""
    frame = data.tables.effects
    if not len(frame):
        return None
    quantities = list(dict.fromkeys(frame.loc[frame["median"].notna(), "quantity"]))
    rows = []
    for key, condition_rows in suite_first(frame).groupby(_KEYS, sort=False, dropna=False):
        cells = {cell["quantity"]: cell for cell in condition_rows.to_dict("records")}
        named: dict[str, Any] = dict(zip(_KEYS, key, strict=True))
        named["label"] = level_label(named["level"], named["unit"])
        rows.append({**named, "cells": [cells.get(name) for name in quantities]})
    units = dict(zip(frame["quantity"], frame["quantity_unit"].fillna(""), strict=True))
    return {"quantities": [(name, units.get(name, "")) for name in quantities], "rows": rows}


SECTION = Section("effects", "Measured effects", 90, include("effects"), _build, shows=("effects",))
