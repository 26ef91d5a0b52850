"""Tags that are compared and left out, where imported models predict other tags than the corpus."""

from __future__ import annotations

from typing import Any

from benchmark.report.data import ReportData
from benchmark.report.labels import records
from benchmark.report.sections.base import Section, include


def _build(data: ReportData) -> dict[str, Any] | None:
    rows = records(data.tables.left_out_tags)
    aliases = records(data.tables.tag_aliases)
    if not (rows or aliases):
        return None
    by_corpus: dict[str, list[dict[str, Any]]] = {}
    by_model: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row["tag_of"] == "corpus":
            by_corpus.setdefault(row["tag"], []).append(row)
        else:
            by_model.setdefault((row["model"], row["reason"]), []).append(row["tag"])
    board = records(data.tables.leaderboard)
    return {
        "n_compared": data.facts["n_tags"],
        "names": list(dict.fromkeys(data.tables.per_tag["tag"])),
        "by_corpus": by_corpus,
        "by_model": by_model,
        "aliases": aliases,
        "elsewhere": {
            row["model"]: row["trained_on"]
            for row in board
            if isinstance(row.get("trained_on"), str)
        },
    }


SECTION = Section(
    "compared-tags",
    "Compared {units}",
    12,
    include("compared_tags"),
    _build,
    shows=("left_out_tags", "tag_aliases"),
)
