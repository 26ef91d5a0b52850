"""Leaderboard: one row per model, best first, with the interval of its score as a bar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from benchmark.report.data import ReportData
from benchmark.report.labels import drop_text, further_metrics, records, span, without_audio
from benchmark.report.sections.base import Section, include


def _build(data: ReportData) -> dict[str, Any] | None:
    if not data.labelled:
        return None
    board = data.tables.leaderboard
    main, drops = data.drops
    protocols = {family.protocol for family in data.tables.families}
    plotted = data.ranked[data.ranked["model"].isin([style.model for style in data.plotted])]
    return {
        "others": further_metrics(data.tables),
        "drops": drops,
        "other_protocols": sorted(protocols - {main}),
        "without_audio": without_audio(board) if protocols else [],
        "rows": [_row(row, plotted, data.metric, drops) for row in records(board)],
    }


def _row(
    row: dict[str, Any], plotted: pd.DataFrame, metric: str, drops: Sequence[str]
) -> dict[str, Any]:
    """Add the rank with its interval, the ends of the bar in percent of its cell, and the drops."""
    scored = metric in row and not pd.isna(row[metric])
    bar = None
    if scored and not pd.isna(row[f"{metric}_low"]) and row["model"] in set(plotted["model"]):
        left = float(plotted[f"{metric}_low"].min())
        width = (float(plotted[f"{metric}_high"].max()) - left) or 1.0
        ends = (row[f"{metric}_low"], row[metric], row[f"{metric}_high"])
        bar = [round(100.0 * (float(value) - left) / width, 2) for value in ends]
    ranks = (row.get(name) for name in ("rank", "rank_low", "rank_high"))
    texts = {name: drop_text(row, name) for name in drops}
    return {**row, "span": span(*ranks), "bar": bar, "scored": scored, "drop_texts": texts}


SECTION = Section(
    "leaderboard",
    "Leaderboard",
    10,
    include("leaderboard"),
    _build,
    shows=("leaderboard", "summary", "comparisons", "figures/leaderboard"),
)
