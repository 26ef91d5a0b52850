"""The tables with a row per model and condition: ``robustness``, ``per_tag``, ``per_category``.

In ``robustness.csv``, ``p_drop_holm`` is the one-sided p value of the claim that the model's drop
under the condition is above zero, corrected after Holm for all perturbed conditions of the same
model and metric; ``n_tags`` counts the tags behind a mean over tags. Where a dataset says which
tags a family of perturbations may change, metrics called ``..._invariant`` leave these out, and
drop from the clean score of the same tags.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmark.score.bootstrap_scores import TAG_METRICS, Heard, Replicates
from benchmark.score.metrics import TOP
from benchmark.score.significance import holm, tail_p
from benchmark.score.tables.columns import PER_CATEGORY_COLUMNS, PER_TAG_COLUMNS, ROBUSTNESS_COLUMNS
from benchmark.score.tables.io import tidy
from benchmark.score.tag_groups import INVARIANT, SCORED

INTERVALS = {"roc_auc": "", "pr_auc": "pr_auc_", "f1": "f1_"}
"""Scores of a tag whose intervals ``per_tag.csv`` holds, with the prefix of their columns."""


_OF_TRACKS = {"accuracy", *(f"top{k}_accuracy" for k in TOP)}
"""Scores that are shares of tracks, not means over tags."""


def condition_columns(data: Replicates, model: str, heard: Heard) -> dict[str, Any]:
    """Return what the rows of a condition begin with."""
    return {
        "dataset": data.dataset,
        "model": model,
        "perturbation": heard.perturbation,
        "level": heard.level,
        "unit": heard.unit,
        "protocol": heard.protocol,
        "severity": heard.severity,
        "family": heard.family,
    }


def _corrected(data: Replicates, drops: np.ndarray) -> np.ndarray:
    """Return p values (M, K, S) of drops (M, K, S, 1 + B) above zero, corrected over conditions."""
    found = tail_p(drops, data.n_clusters)
    found[:, [k for k, heard in enumerate(data.conditions) if heard.clean]] = np.nan
    for m in range(found.shape[0]):
        for s in range(found.shape[2]):
            found[m, :, s] = holm(found[m, :, s])
    return found


def robustness_frame(data: Replicates) -> pd.DataFrame:
    """Return one row per model, condition and metric."""
    low, high = data.interval(data.scores)
    drop_low, drop_high = data.interval(data.drops)
    p_drop = _corrected(data, data.drops)
    rows = []
    for m, model in enumerate(data.models):
        for k, heard in enumerate(data.conditions):
            if not data.n_seeds[m, k]:
                continue
            for s, metric in enumerate(data.metrics):
                at = (m, k, s)
                rows.append(
                    {
                        **condition_columns(data, model, heard),
                        "metric": metric,
                        "value": data.scores[(*at, 0)],
                        "low": low[at],
                        "high": high[at],
                        "drop": data.drops[(*at, 0)],
                        "drop_low": drop_low[at],
                        "drop_high": drop_high[at],
                        "n_tracks": data.n_tracks,
                        "n_seeds": data.n_seeds[m, k],
                        "n_tags": data.n_valid_tags if metric not in _OF_TRACKS else None,
                        "p_drop_holm": p_drop[at],
                    }
                )
        rows += _invariant_rows(data, m)
    return tidy(rows, ROBUSTNESS_COLUMNS)


def _invariant_rows(data: Replicates, m: int) -> list[dict[str, Any]]:
    """Return the rows of a model over the tags that a condition's family leaves alone."""
    found = []
    for k, heard in enumerate(data.conditions):
        group = data.groups.get((data.models[m], heard), {}).get(INVARIANT)
        if group is not None:
            found.append((k, heard, group))
    rows = []
    for s, metric in enumerate(SCORED):
        p_drop = holm(np.array([group.p_drop[s] for _, _, group in found]))
        for at, (k, heard, group) in enumerate(found):
            rows.append(
                {
                    **condition_columns(data, data.models[m], heard),
                    "metric": f"{metric}_{INVARIANT}",
                    "value": group.value[s],
                    "low": group.low[s],
                    "high": group.high[s],
                    "drop": group.drop[s],
                    "drop_low": group.drop_low[s],
                    "drop_high": group.drop_high[s],
                    "n_tracks": data.n_tracks,
                    "n_seeds": data.n_seeds[m, k],
                    "n_tags": group.n_tags,
                    "p_drop_holm": p_drop[at],
                }
            )
    return rows


def per_category_frame(data: Replicates) -> pd.DataFrame:
    """Return one row per model, condition and category of tags."""
    rows = []
    for m, model in enumerate(data.models):
        for k, heard in enumerate(data.conditions):
            for name, group in data.groups.get((model, heard), {}).items():
                if name == INVARIANT:
                    continue
                row = {**condition_columns(data, model, heard), "category": name}
                row |= {"n_tags": group.n_tags, "n_seeds": data.n_seeds[m, k]}
                for s, (metric, prefix) in enumerate(zip(SCORED, ("", "pr_auc_"), strict=True)):
                    row[metric] = group.value[s]
                    row[f"{prefix}low"], row[f"{prefix}high"] = group.low[s], group.high[s]
                row["drop"], row["drop_low"] = group.drop[0], group.drop_low[0]
                row["drop_high"] = group.drop_high[0]
                rows.append(row)
    return tidy(rows, PER_CATEGORY_COLUMNS)


def per_tag_frame(data: Replicates) -> pd.DataFrame:
    """Return one row per model, condition and tag."""
    rows = []
    for m, model in enumerate(data.models):
        for k, heard in enumerate(data.conditions):
            if not data.n_seeds[m, k]:
                continue
            found = data.tag_scores[model, heard]
            for c, tag in enumerate(data.tags):
                row = {**condition_columns(data, model, heard), "tag": tag}
                row |= {"n_positive": data.n_positive[c], "n_seeds": data.n_seeds[m, k]}
                row["n_train"] = None if data.training_counts is None else data.training_counts[c]
                for s, metric in enumerate(TAG_METRICS):
                    row[metric] = found.value[s, c]
                for metric, prefix in INTERVALS.items():
                    s = TAG_METRICS.index(metric)
                    row[f"{prefix}low"], row[f"{prefix}high"] = found.low[s, c], found.high[s, c]
                row["drop"], row["drop_low"], row["drop_high"] = found.drop[:, c]
                rows.append(row)
    return tidy(rows, PER_TAG_COLUMNS)
