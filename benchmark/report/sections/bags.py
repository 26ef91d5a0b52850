"""Gain of testing on bags of tracks over testing on single tracks."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmark.report.data import ReportData
from benchmark.report.labels import pair_title
from benchmark.report.sections.base import Section, include
from benchmark.store.cell_kinds import SINGLE_CLIPS

CLEAN = "clean"


def bag_gains(comparisons: pd.DataFrame) -> list[dict[str, Any]]:
    """Compare each model that was tested on bags with itself on single tracks.

    Args:
        comparisons: Content of ``comparisons.csv``.

    Returns:
        One entry per model and scope, in the order of the models: ``model``, ``title`` of the
        scope, ``bags`` and ``single`` (scores), ``difference`` with ``low`` and ``high``, and
        ``verdict``: ``bags``, ``single`` or, where the interval contains 0 or is missing, ``none``.
    """
    gains = []
    for row in comparisons.to_dict("records"):
        pair = (str(row["model_a"]), str(row["model_b"]))
        base = min(pair, key=len)
        if set(pair) != {base, base + SINGLE_CLIPS}:
            continue
        swapped = pair[0] != base
        low, high = (-row["high"], -row["low"]) if swapped else (row["low"], row["high"])
        bags, single = ("score_b", "score_a") if swapped else ("score_a", "score_b")
        scope = str(row["scope"])
        gains.append(
            {
                "model": base,
                "title": CLEAN if scope == CLEAN else pair_title(str(row["protocol"]), scope),
                "bags": row[bags],
                "single": row[single],
                "difference": -row["difference"] if swapped else row["difference"],
                "low": low,
                "high": high,
                "verdict": "bags" if low > 0 else "single" if high < 0 else "none",
            }
        )
    return gains


def _build(data: ReportData) -> dict[str, Any] | None:
    gains = bag_gains(data.tables.comparisons)
    if not gains:
        return None
    order = {style.model: place for place, style in enumerate(data.models)}
    titles = list(dict.fromkeys(gain["title"] for gain in gains))
    titles.sort(key=lambda title: title != CLEAN)
    models = sorted({gain["model"] for gain in gains}, key=lambda name: order.get(name, len(order)))
    cells = {(gain["model"], gain["title"]): gain for gain in gains}
    clean = [gain for gain in gains if gain["title"] == CLEAN]
    return {
        "titles": titles,
        "rows": [
            {"model": name, "cells": [cells.get((name, title)) for title in titles]}
            for name in models
        ],
        "by_verdict": {
            verdict: [gain["model"] for gain in clean if gain["verdict"] == verdict]
            for verdict in ("bags", "single", "none")
        },
    }


SECTION = Section("bags", "Bags of tracks", 36, include("bags"), _build)
