"""What the report says about rare classes, arranged from the tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmark.report.figures.style import Look
from benchmark.store.predictions import Tables


def tails(tables: Tables, listed: Sequence[Look]) -> list[dict[str, Any]]:
    """Return one entry per threshold that some class lies below.

    Returns:
        ``threshold``; ``n_tracks``; ``classes`` with ``tag``, ``n_train`` and ``n_positive``,
        the rarest first; ``same``, whether they are the classes of the threshold before;
        ``ks``; and ``rows``, one per model in the order of the leaderboard, with a cell per K.
    """
    clean = tables.per_tag[tables.per_tag["severity"] == 0].drop_duplicates("tag")
    counts = clean.set_index("tag")[["n_train", "n_positive"]].to_dict("index")
    found: list[dict[str, Any]] = []
    for threshold, part in tables.long_tail.groupby("threshold"):
        rare = [{"tag": name, **counts[name]} for name in str(part["classes"].iloc[0]).split("|")]
        rare.sort(key=lambda one: (one["n_train"], one["tag"]))
        cells = {(cell["model"], cell["k"]): cell for cell in part.to_dict("records")}
        ks = sorted(set(part["k"]))
        found.append(
            {
                "threshold": threshold,
                "n_tracks": part["n_tracks"].iloc[0],
                "classes": rare,
                "same": bool(found) and found[-1]["classes"] == rare,
                "ks": ks,
                "rows": [
                    {"model": look.model, "cells": [cells[look.model, k] for k in ks]}
                    for look in listed
                    if (look.model, ks[0]) in cells
                ],
            }
        )
    return found
