"""Scores on tags that a model was trained on, and on tags that are new to it."""

from __future__ import annotations

from typing import Any

from benchmark.report.data import ReportData
from benchmark.report.labels import records
from benchmark.report.sections.base import Section, include

CHANCE = 0.5
"""ROC-AUC of random scores."""


def _build(data: ReportData) -> dict[str, Any] | None:
    board = data.tables.leaderboard
    if "n_unseen_tags" not in board.columns:
        return None
    rows = records(board[board["n_unseen_tags"].notna()])
    return {
        "rows": rows,
        "above": [row["model"] for row in rows if row["roc_auc_unseen_low"] > CHANCE],
    }


SECTION = Section("unseen-tags", "Unseen {units}", 37, include("unseen_tags"), _build)
