"""The section of the report on consistency: how far predictions move, whatever the truth."""

from __future__ import annotations

from typing import Any

from benchmark.report.sections.other import suite_first
from benchmark.score.consistency import MAIN, TITLES
from benchmark.store.predictions import Tables

_KEYS = ["protocol", "family", "perturbation", "severity", "level", "unit"]


def labelled(tables: Tables) -> bool:
    """Whether there was anything to score, or nothing to compare in its stead."""
    return bool(tables.leaderboard["rank"].notna().any()) or tables.consistency.empty


def consistency_section(tables: Tables) -> dict[str, Any] | None:
    """Return ``models``, ``measures`` and ``rows``, one a condition; None where nothing moved.

    A row has a cell a model, with a row of ``consistency.csv`` a measure and the shade of the
    main one; None where a model was not heard under that condition.
    """
    frame = suite_first(tables.consistency)
    if frame.empty:
        return None
    heard = set(frame["model"])
    models = [model for model in tables.leaderboard["model"] if model in heard]
    measures = [name for name in TITLES if name in set(frame["metric"])]
    top = float(frame.loc[frame["metric"] == MAIN, "value"].max())
    rows = []
    # The suite first, as everywhere in the report; the order within a protocol stays.
    frame = frame.assign(later=frame["protocol"] != "suite").sort_values("later", kind="stable")
    for key, part in frame.groupby(_KEYS, sort=False, dropna=False):
        cells = []
        for model in models:
            found = {
                str(row["metric"]): row for row in part[part["model"] == model].to_dict("records")
            }
            shade = round(found[MAIN]["value"] / top, 3) if found and top > 0 else 0.0
            cells.append({"of": found, "shade": shade} if found else None)
        rows.append({**dict(zip(_KEYS, key, strict=True)), "cells": cells})
    return {"models": models, "measures": {n: TITLES[n] for n in measures}, "rows": rows}
