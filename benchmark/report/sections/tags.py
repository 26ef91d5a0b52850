"""Score of every tag or class on clean audio."""

from __future__ import annotations

from typing import Any

from benchmark.report.data import ReportData
from benchmark.report.labels import records
from benchmark.report.sections.base import Section, include


def _build(data: ReportData) -> dict[str, Any] | None:
    rows = _rows(data) if data.labelled else []
    if not rows:
        return None
    return {
        "rows": rows,
        "counted": bool(data.tables.per_tag["n_train"].notna().any()),
        "category_map": data.figures.wide.get("categories"),
        "tag_map": data.figures.wide.get("tags"),
    }


def _rows(data: ReportData) -> list[dict[str, Any]]:
    """Return one row per tag with a cell per model: ROC-AUC of a tag, F1 of a class."""
    per_tag = data.tables.per_tag
    clean = per_tag[per_tag["severity"] == 0]
    single = data.tables.task == "singlelabel"
    score, prefix = ("f1", "f1_") if single else ("roc_auc", "")
    columns = {"value": score, "low": f"{prefix}low", "high": f"{prefix}high"}
    rows = []
    for tag, tag_rows in clean.groupby("tag", sort=False):
        cells = {
            str(cell["model"]): {**cell, **{key: cell[name] for key, name in columns.items()}}
            for cell in records(tag_rows)
        }
        counts = {name: tag_rows[name].iloc[0] for name in ("n_positive", "n_train")}
        own = [cells.get(style.model) for style in data.models]
        rows.append({"tag": tag, **counts, "cells": own})
    return rows


SECTION = Section(
    "tags",
    "All {units}",
    120,
    include("tags"),
    _build,
    shows=("per_tag", "per_category", "figures/tags", "figures/categories"),
)
