"""Scores of rare tags or classes."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmark.config.published import published_test_scores
from benchmark.report.data import ReportData
from benchmark.report.labels import records
from benchmark.report.sections.base import Section, include
from benchmark.score.long_tail import THRESHOLDS

Counts = dict[str, dict[str, Any]]
"""``tag``, ``n_train`` and ``n_positive`` of each class."""


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
        ``rows``, one per model in the order of the leaderboard, with a cell per K; and ``list``,
        what a publication calls rare below this threshold, or None, see `_published_list`.
    """
    tables = data.tables
    clean = tables.per_tag[tables.per_tag["severity"] == 0].drop_duplicates("tag")
    counts = {row["tag"]: row for row in records(clean[["tag", "n_train", "n_positive"]])}
    entries: list[dict[str, Any]] = []
    for threshold in sorted(set(tables.long_tail["threshold"])):
        group = tables.long_tail[tables.long_tail["threshold"] == threshold]
        rare = _classes(group, counts)
        cells = _cells(group)
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
                "list": _published_list(data, int(threshold), counts),
            }
        )
    return entries


def _published_list(data: ReportData, threshold: int, counts: Counts) -> dict[str, Any] | None:
    """Return the hit rates on the classes that a publication calls rare; None without a list.

    Returns:
        ``source``; ``n_tracks``; ``classes``; ``frequent``, those that are not below the
        threshold; ``cells`` by model and K; and ``reported``, the hit rates that the publication
        states, by model and K.
    """
    rows = data.tables.long_tail_published
    rows = rows[rows["threshold"] == threshold]
    if rows.empty or data.n_left_out:  # a hit among fewer classes is not the published one
        return None
    classes = _classes(rows, counts)
    return {
        "source": rows["source"].iloc[0],
        "n_tracks": rows["n_tracks"].iloc[0],
        "classes": classes,
        "frequent": [row for row in classes if row["n_train"] >= threshold],
        "cells": _cells(rows),
        "reported": {
            (score.model, k): score.value
            for score in published_test_scores(data.tables.dataset)
            for k in set(rows["k"])
            if score.metric == f"top{k}_accuracy_below_{threshold}"
        },
    }


def _classes(rows: pd.DataFrame, counts: Counts) -> list[dict[str, Any]]:
    """Return the rare classes of some rows with their counts, the rarest first."""
    names = str(rows["classes"].iloc[0]).split("|")
    return sorted((counts[name] for name in names), key=lambda row: (row["n_train"], row["tag"]))


def _cells(rows: pd.DataFrame) -> dict[tuple[str, int], dict[str, Any]]:
    return {(str(cell["model"]), int(cell["k"])): cell for cell in records(rows)}


SECTION = Section(
    "tail",
    "Rare {units}",
    110,
    include("long_tail"),
    _build,
    shows=("long_tail", "long_tail_published"),
)
