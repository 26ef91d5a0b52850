"""The tables that look at single classes: ``long_tail.csv`` and ``confusion.csv``.

Both are about untouched audio. In ``long_tail.csv``, ``accuracy`` is the hit rate that
:mod:`benchmark.score.long_tail` defines, ``n_tracks`` counts the test tracks with a rare class, and
``classes`` lists the rare classes, separated by ``|``. In ``confusion.csv``, ``count`` is added up
over the model's seeds, and every pair of classes has a row, zeros included.
"""

from __future__ import annotations

import pandas as pd

from benchmark.score.bootstrap_scores import ByClass, Replicates
from benchmark.score.tables.columns import CONFUSION_COLUMNS, LONG_TAIL_COLUMNS
from benchmark.score.tables.io import tidy


def long_tail_frame(data: Replicates) -> pd.DataFrame:
    """Return one row per model, threshold and K; none where no class is rare."""
    rows = []
    for m, model in enumerate(data.models):
        found = _of(data, m)
        if found is None:
            continue
        low, high = data.interval(found.tail)
        for at, tail in enumerate(data.tails):
            rows.append(
                {
                    "model": model,
                    "threshold": tail.threshold,
                    "k": tail.k,
                    "accuracy": found.tail[at, 0],
                    "low": low[at],
                    "high": high[at],
                    "n_tracks": data.n_tail_tracks[at],
                    "n_classes": len(tail.rare),
                    "classes": "|".join(data.tags[column] for column in tail.rare),
                }
            )
    return tidy(rows, LONG_TAIL_COLUMNS)


def confusion_frame(data: Replicates) -> pd.DataFrame:
    """Return one row per model, true and predicted class; none for a multi-label task."""
    rows = []
    for m, model in enumerate(data.models):
        found = _of(data, m)
        if found is None:
            continue
        for true, counts in zip(data.tags, found.confusion, strict=False):
            for predicted, count in zip(data.tags, counts, strict=True):
                rows.append(
                    {"model": model, "true": true, "predicted": predicted, "count": int(count)}
                )
    return tidy(rows, CONFUSION_COLUMNS)


def _of(data: Replicates, model: int) -> ByClass | None:
    """Return what a model does with the classes of clean audio, if it was evaluated there."""
    k = data.clean_condition(model)
    return None if k is None else data.by_class[data.models[model], data.conditions[k]]
