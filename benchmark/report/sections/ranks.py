"""Order of the models on clean audio and under each condition."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmark.report.data import ReportData
from benchmark.report.labels import level_label, suite_first
from benchmark.report.sections.base import Section, include


def _build(data: ReportData) -> dict[str, Any] | None:
    picture = data.figures.wide.get("ranks")
    return {"picture": picture, "conditions": _orders(data.tables.ranks)} if picture else None


def _orders(ranks: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one row per condition of ``ranks.csv``, with the pairs that change places."""
    rows: list[dict[str, Any]] = []
    for row in suite_first(ranks).to_dict("records"):
        swaps = "" if pd.isna(row["swaps"]) else str(row["swaps"])
        changed = [swap.split(">") for swap in swaps.split("|") if swap]
        below = not pd.isna(row["noise_ceiling"]) and row["high"] < row["noise_ceiling"]
        rows.append(
            {
                **{str(name): value for name, value in row.items()},
                "label": level_label(row["level"], row["unit"]),
                "below_ceiling": below,
                "swaps": [f"{ahead} over {behind}" for ahead, behind in changed],
            }
        )
    return rows


SECTION = Section(
    "ranks", "Order of models", 40, include("ranks"), _build, shows=("ranks", "figures/ranks")
)
