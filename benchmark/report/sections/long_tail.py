"""Scores of rare tags or classes."""

from __future__ import annotations

from typing import Any

from benchmark.report.data import ReportData
from benchmark.report.sections.base import Section, include
from benchmark.score.long_tail import THRESHOLDS


def _build(data: ReportData) -> dict[str, Any] | None:
    if not (data.labelled and data.facts["models"]):
        return None
    return {
        "thresholds": _thresholds(data),
        "counted": bool(data.tables.per_tag["n_train"].notna().any()),
        "rarest": THRESHOLDS[-1],
    }


def _thresholds(data: ReportData) -> list[dict[str, Any]]:
    """Return one entry per threshold that some class lies below.

    Returns:
        ``threshold``; ``n_tracks``; ``classes`` with ``tag``, ``n_train`` and ``n_positive``, the
        rarest first; ``repeated``, whether they are the classes of the threshold before; ``ks``;
        and ``rows``, one per model in the order of the leaderboard, with a cell per K.
    """
    tables = data.tables
    clean = tables.per_tag[tables.per_tag["severity"] == 0].drop_duplicates("tag")
    counts = clean.set_index("tag")[["n_train", "n_positive"]].to_dict("index")
    entries: list[dict[str, Any]] = []
    for threshold, group in tables.long_tail.groupby("threshold"):
        rare = [{"tag": name, **counts[name]} for name in str(group["classes"].iloc[0]).split("|")]
        rare.sort(key=lambda row: (row["n_train"], row["tag"]))
        cells = {(cell["model"], cell["k"]): cell for cell in group.to_dict("records")}
        ks = sorted(set(group["k"]))
        entries.append(
            {
                "threshold": threshold,
                "n_tracks": group["n_tracks"].iloc[0],
                "classes": rare,
                "repeated": bool(entries) and entries[-1]["classes"] == rare,
                "ks": ks,
                "rows": [
                    {"model": style.model, "cells": [cells[style.model, k] for k in ks]}
                    for style in data.models
                    if (style.model, ks[0]) in cells
                ],
            }
        )
    return entries


SECTION = Section("tail", "Rare {units}", 110, include("long_tail"), _build)
