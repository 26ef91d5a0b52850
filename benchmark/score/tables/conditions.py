"""The tables by model and condition: ``robustness``, ``per_tag`` and ``per_category``.

In ``robustness.csv``, ``p_drop_holm`` is the one-sided p value of the claim that the model's drop
under the condition is above zero, corrected after Holm for all perturbed conditions of the same
model and metric; ``n_tags`` is the number of tags in a mean over tags. If a dataset
states which tags a family of perturbations may change, the metrics named ``..._invariant`` exclude
these tags, and their drop is relative to the clean score of the same tags.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmark.perturbations import Condition
from benchmark.score.metrics import all_metrics, tag_metrics
from benchmark.score.score_types import BootstrapScores
from benchmark.score.significance import holm, tail_p
from benchmark.score.tables.schema import Rows, TableSpec, columns, ordered
from benchmark.score.tag_groups import INVARIANT, SCORED, SEEN, UNSEEN

INTERVALS = {"roc_auc": "", "pr_auc": "pr_auc_", "f1": "f1_"}
"""Scores of a tag whose intervals are in ``per_tag.csv``, with the prefix of their columns."""


def condition_columns(data: BootstrapScores, model: str, condition: Condition) -> dict[str, Any]:
    """Return the columns that identify the rows of a model and condition."""
    return {
        "dataset": data.dataset,
        "model": model,
        **condition.plain(),
    }


def _corrected(data: BootstrapScores, drops: np.ndarray) -> np.ndarray:
    """Return p values (M, K, S) of drops (M, K, S, 1 + B) above zero, corrected over conditions."""
    p_values = tail_p(drops, data.n_clusters)
    p_values[:, [k for k, condition in enumerate(data.conditions) if condition.clean]] = np.nan
    for m in range(p_values.shape[0]):
        for s in range(p_values.shape[2]):
            p_values[m, :, s] = holm(p_values[m, :, s])
    return p_values


def _robustness_rows(data: BootstrapScores) -> Rows:
    """Return one row per model, condition and metric."""
    low, high = data.interval(data.scores)
    drop_low, drop_high = data.interval(data.drops)
    p_drop = _corrected(data, data.drops)
    rows = []
    for m, model in enumerate(data.models):
        for k, condition in enumerate(data.conditions):
            if not data.n_seeds[m, k]:
                continue
            for s, metric in enumerate(data.metrics):
                at = (m, k, s)
                rows.append(
                    {
                        **condition_columns(data, model, condition),
                        "metric": metric,
                        "value": data.scores[(*at, 0)],
                        "low": low[at],
                        "high": high[at],
                        "drop": data.drops[(*at, 0)],
                        "drop_low": drop_low[at],
                        "drop_high": drop_high[at],
                        "n_tracks": data.n_tracks,
                        "n_seeds": data.n_seeds[m, k],
                        "n_tags": data.n_valid_tags if all_metrics()[metric].of == "tag" else None,
                        "p_drop_holm": p_drop[at],
                    }
                )
        rows += _invariant_rows(data, m)
    return rows


def _invariant_rows(data: BootstrapScores, m: int) -> list[dict[str, Any]]:
    """Return the rows of a model over the tags that a condition's family does not change."""
    invariant = []
    for k, condition in enumerate(data.conditions):
        group = data.groups.get((data.models[m], condition), {}).get(INVARIANT)
        if group is not None:
            invariant.append((k, condition, group))
    rows = []
    for s, metric in enumerate(SCORED):
        p_drop = holm(np.array([group.p_drop[s] for _, _, group in invariant]))
        for at, (k, condition, group) in enumerate(invariant):
            rows.append(
                {
                    **condition_columns(data, data.models[m], condition),
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


def _per_category_rows(data: BootstrapScores) -> Rows:
    """Return one row per model, condition and category of tags."""
    rows = []
    for m, model in enumerate(data.models):
        for k, condition in enumerate(data.conditions):
            for name, group in data.groups.get((model, condition), {}).items():
                if name in (INVARIANT, SEEN, UNSEEN):
                    continue
                row = {**condition_columns(data, model, condition), "category": name}
                row |= {"n_tags": group.n_tags, "n_seeds": data.n_seeds[m, k]}
                for s, (metric, prefix) in enumerate(zip(SCORED, ("", "pr_auc_"), strict=True)):
                    row[metric] = group.value[s]
                    row[f"{prefix}low"], row[f"{prefix}high"] = group.low[s], group.high[s]
                row["drop"], row["drop_low"] = group.drop[0], group.drop_low[0]
                row["drop_high"] = group.drop_high[0]
                rows.append(row)
    return rows


def _per_tag_rows(data: BootstrapScores) -> Rows:
    """Return one row per model, condition and tag."""
    rows = []
    for m, model in enumerate(data.models):
        for k, condition in enumerate(data.conditions):
            if not data.n_seeds[m, k]:
                continue
            scores = data.tag_scores[model, condition]
            for c, tag in enumerate(data.tags):
                row = {**condition_columns(data, model, condition), "tag": tag}
                row |= {"n_positive": data.n_positive[c], "n_seeds": data.n_seeds[m, k]}
                row["n_train"] = None if data.training_counts is None else data.training_counts[c]
                for s, metric in enumerate(data.tag_metrics):
                    row[metric] = scores.value[s, c]
                for metric, prefix in INTERVALS.items():
                    s = data.tag_metrics.index(metric)
                    row[f"{prefix}low"], row[f"{prefix}high"] = scores.low[s, c], scores.high[s, c]
                row["drop"], row["drop_low"], row["drop_high"] = scores.drop[:, c]
                if data.trained_tags:
                    row["trained"] = tag in data.trained_tags.get(model, data.tags)
                rows.append(row)
    return rows


_ROBUSTNESS = columns(
    "number",
    p_drop_holm="one-sided p value of a drop above zero, Holm-corrected over conditions",
)
_PER_TAG = (
    *columns("text", tag="tag or class"),
    *columns(
        "integer",
        n_positive="test tracks that have the tag",
        n_train="training tracks that have the tag",
    ),
    *columns(
        "number",
        **{name: f"{all_metrics()[name].title} of the tag" for name in tag_metrics()},
        pr_auc_low="lower end of the interval of pr_auc",
        pr_auc_high="upper end of the interval of pr_auc",
        f1_low="lower end of the interval of f1",
        f1_high="upper end of the interval of f1",
    ),
)
_ON_DEMAND = (
    *columns(
        "number",
        **{
            name: f"{all_metrics()[name].title} of the tag"
            for name in tag_metrics(all_metrics())
            if name not in tag_metrics()
        },
    ),
    *columns("boolean", trained="whether the model was trained on the tag"),
)
_PER_TAG_ORDER = (
    "dataset model perturbation severity tag n_positive roc_auc low high "
    "pr_auc pr_auc_low pr_auc_high pr_auc_trapezoid f1 mcc drop drop_low drop_high "
    "level unit protocol family n_seeds precision recall f1_low f1_high n_train"
)
_PER_CATEGORY = (
    *columns("text", category="category of tags, as the dataset names it"),
    *columns(
        "number",
        roc_auc="mean ROC-AUC over the scored tags of the category",
        pr_auc="mean PR-AUC over the scored tags of the category",
        pr_auc_low="lower end of the interval of pr_auc",
        pr_auc_high="upper end of the interval of pr_auc",
    ),
)

TABLES = (
    TableSpec(
        "robustness",
        "one row per model, condition and metric",
        ("model", "protocol", "perturbation", "severity", "level", "metric"),
        ordered(
            "dataset model perturbation level unit metric value low high drop drop_low drop_high "
            "n_tracks n_seeds protocol severity family n_tags p_drop_holm",
            _ROBUSTNESS,
        ),
        build=_robustness_rows,
    ),
    TableSpec(
        "per_tag",
        "one row per model, condition and tag",
        ("model", "protocol", "perturbation", "severity", "level", "tag"),
        ordered(
            " ".join(dict.fromkeys([*_PER_TAG_ORDER.split(), *tag_metrics()])),
            _PER_TAG,
        ),
        build=_per_tag_rows,
        on_demand=_ON_DEMAND,
    ),
    TableSpec(
        "per_category",
        "one row per model, condition and category of tags",
        ("model", "protocol", "perturbation", "severity", "level", "category"),
        ordered(
            "dataset model perturbation severity category n_tags roc_auc low high pr_auc "
            "pr_auc_low pr_auc_high drop drop_low drop_high level unit protocol family n_seeds",
            _PER_CATEGORY,
        ),
        build=_per_category_rows,
    ),
)
