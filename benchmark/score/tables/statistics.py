"""The tables of statistics: ``summary.csv``, ``comparisons.csv`` and ``ranks.csv``.

All statistics are computed from the primary score (column ``metric``), with the same bootstrap
replicates as every other table.

``summary.csv``: ``family`` is ``all`` for a statistic over the families of the protocol.

* ``ce`` (per family): summed error divided by that of the baseline. ``mce`` is its mean over
  families. ``relative_mce`` is the same ratio of drops, blank if the drop of the baseline is close
  to zero. The value of the baseline is 1.
* ``retention``: fraction of the skill above chance that is retained, mean over severities.
  ``audc``: area under that curve from clean to the last severity. A model without loss has 1.
* ``worst_drop``: largest drop under any condition.
* ``critical_severity`` (per family): severity at which the drop first reaches 0.02, interpolated
  linearly between severities; ``inf`` if the drop stays below 0.02 at every severity.

``comparisons.csv``: ``scope`` is ``clean`` or a family, whose mean over directions and severities
is compared. ``difference`` is the score of ``model_a`` minus that of ``model_b``, and
``drop_difference`` is the same difference of their drops (below zero: ``model_a`` is more robust).
``p_beats`` is the fraction of replicates in which ``model_a`` scores higher. ``p_holm`` is
two-sided and corrected after Holm for all pairs of a scope. ``significant`` is true if ``p_holm``
is below 0.05.

``ranks.csv``: Kendall's tau-b between the order of the models on clean and on perturbed audio.
``noise_ceiling`` is the mean tau between the clean order and that of its replicates. ``swaps``
lists the pairs that change places: ``a>b`` means that a scores higher than b under the condition
and lower on clean audio, and that each order holds in at least 97.5 % of the replicates.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmark.score.robustness import families, summarise
from benchmark.score.score_types import BootstrapScores
from benchmark.score.significance import (
    chance_of_beating,
    holm,
    kendall_tau,
    noise_ceiling,
    swaps,
    tail_p,
)
from benchmark.score.tables.schema import Rows, TableInputs, TableSpec, columns, ordered

SIGNIFICANT = 0.05
_OF_FAMILY = ("ce", "retention", "audc", "worst_drop", "critical_severity")
_OVER_FAMILIES = ("mce", "relative_mce", "retention", "audc", "worst_drop")
_NEVER = 1e6  # stands for an infinite severity where an interval is interpolated
_LAST = 100.0  # larger than any severity, and far below _NEVER


def _summary_rows(data: BootstrapScores, baseline: str) -> Rows:
    """Return one row per model, protocol, family and statistic that has a value."""
    rows = []
    for protocol, family, statistic, samples in _statistics(data, baseline):
        low, high = _interval(data, samples)
        for m, model in enumerate(data.models):
            if not np.isnan(samples[m, 0]):
                rows.append(
                    {
                        "model": model,
                        "protocol": protocol,
                        "family": family,
                        "metric": data.primary,
                        "statistic": statistic,
                        "value": samples[m, 0],
                        "low": low[m],
                        "high": high[m],
                    }
                )
    rows.sort(key=lambda row: str(row["model"]))  # stable: the order within a model is kept
    return rows


def _statistics(data: BootstrapScores, baseline: str) -> Iterator[tuple[str, str, str, np.ndarray]]:
    """Yield protocol, family, name and values (M, 1 + B) of every statistic."""
    for protocol in dict.fromkeys(family.protocol for family in families(data.conditions)):
        summary = summarise(data, baseline, protocol)
        for name in _OVER_FAMILIES:
            yield protocol, "all", name, getattr(summary, name)
        for statistics in summary.families:
            for name in _OF_FAMILY:
                yield protocol, statistics.family.name, name, getattr(statistics, name)


def _interval(data: BootstrapScores, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval (two arrays (M,)) of samples (M, 1 + B) that may be infinite."""
    low, high = data.interval(np.minimum(samples, _NEVER))
    # An end that was interpolated between a severity and _NEVER is infinite.
    return np.where(low > _LAST, np.inf, low), np.where(high > _LAST, np.inf, high)


def _comparison_rows(data: BootstrapScores) -> Rows:
    """Return one row per pair of models and scope in which both have a score."""
    clean = data.clean(data.primary)
    rows = list(_compared(data, data.protocol, "clean", clean, None))
    for family in families(data.conditions):
        scores, drops = (family.mean(values[:, :, 0]) for values in (data.scores, data.drops))
        rows += _compared(data, family.protocol, family.name, scores, drops)
    return rows


def _compared(
    data: BootstrapScores, protocol: str, scope: str, scores: np.ndarray, drops: np.ndarray | None
) -> list[dict[str, Any]]:
    """Compare every pair of models by scores (M, 1 + B), and by drops if they are given."""
    scored = np.flatnonzero(~np.isnan(scores[:, 0]))
    first, second = (scored[at] for at in np.triu_indices(len(scored), k=1))
    difference = scores[first] - scores[second]
    low, high = data.interval(difference)
    one_sided = np.minimum(
        tail_p(difference, data.n_clusters), tail_p(-difference, data.n_clusters)
    )
    p_holm = holm(np.minimum(2.0 * one_sided, 1.0))
    beats = chance_of_beating(scores)
    no_drops = np.full_like(difference, np.nan)
    drop_difference = no_drops if drops is None else drops[first] - drops[second]
    drop_low, drop_high = data.interval(drop_difference)
    return [
        {
            "model_a": data.models[a],
            "model_b": data.models[b],
            "protocol": protocol,
            "scope": scope,
            "metric": data.primary,
            "score_a": scores[a, 0],
            "score_b": scores[b, 0],
            "difference": difference[at, 0],
            "low": low[at],
            "high": high[at],
            "p_beats": beats[a, b],
            "p_holm": p_holm[at],
            "significant": None if np.isnan(p_holm[at]) else bool(p_holm[at] < SIGNIFICANT),
            "drop_difference": drop_difference[at, 0],
            "drop_low": drop_low[at],
            "drop_high": drop_high[at],
        }
        for at, (a, b) in enumerate(zip(first, second, strict=True))
    ]


def _rank_rows(data: BootstrapScores) -> Rows:
    """Return one row per perturbed condition under which at least two models have a score."""
    clean = data.clean(data.primary)
    rows = []
    for k, condition in enumerate(data.conditions):
        perturbed = data.scores[:, k, 0]
        scored = np.flatnonzero(~np.isnan(clean[:, 0]) & ~np.isnan(perturbed[:, 0]))
        if condition.clean or len(scored) < 2:
            continue
        before, after = clean[scored], perturbed[scored]
        tau = kendall_tau(before, after)
        low, high = data.interval(tau[None])
        has_intervals = data.n_clusters > 1
        changed = swaps(before, after) if has_intervals else []
        names = [data.models[m] for m in scored]
        rows.append(
            {
                **condition.plain(),
                "metric": data.primary,
                "kendall_tau": tau[0],
                "low": low[0],
                "high": high[0],
                "noise_ceiling": noise_ceiling(before) if has_intervals else np.nan,
                "n_models": len(scored),
                "n_swaps": len(changed) if has_intervals else None,
                "swaps": "|".join(sorted(f"{names[j]}>{names[i]}" for i, j in changed)),
            }
        )
    return rows


def _summary(inputs: TableInputs) -> Rows:
    return _summary_rows(inputs.scores, inputs.baseline) if inputs.scores else ()


_SUMMARY = columns(
    "text", statistic="name of the statistic, which is computed from the primary metric"
)
_COMPARISONS = (
    *columns(
        "text",
        model_a="first model of a pair",
        model_b="second model of a pair",
        scope="clean, or a family, whose mean over directions and severities is compared",
    ),
    *columns("boolean", significant="whether p_holm is below 0.05"),
    *columns(
        "number",
        score_a="score of model_a",
        score_b="score of model_b",
        difference="score_a minus score_b",
        p_beats="fraction of replicates in which model_a scores higher; a tie counts half",
        p_holm="two-sided p value, Holm-corrected over the pairs of the scope",
        drop_difference="drop of model_a minus drop of model_b",
    ),
)
_RANKS = (
    *columns("text", swaps="pairs that change places, as a>b, separated by a bar"),
    *columns(
        "integer",
        n_models="number of models in the order",
        n_swaps="number of pairs that change places",
    ),
    *columns(
        "number",
        kendall_tau="tau-b between the orders on clean and on perturbed audio",
        noise_ceiling="mean tau between the clean order and its bootstrap replicates",
    ),
)

TABLES = (
    TableSpec(
        "summary",
        "one row per model, protocol, family (or all) and statistic",
        ("model", "protocol", "family", "metric", "statistic"),
        ordered("model protocol family metric statistic value low high", _SUMMARY),
        from_inputs=_summary,
    ),
    TableSpec(
        "comparisons",
        "one row per pair of models, protocol and scope",
        ("model_a", "model_b", "protocol", "scope", "metric"),
        ordered(
            "model_a model_b protocol scope metric score_a score_b difference low high p_beats "
            "p_holm significant drop_difference drop_low drop_high",
            _COMPARISONS,
        ),
        build=_comparison_rows,
    ),
    TableSpec(
        "ranks",
        "one row per perturbed condition: agreement of the order of models with the clean order",
        ("protocol", "perturbation", "severity", "level", "metric"),
        ordered(
            "protocol family perturbation severity level unit metric kendall_tau low high "
            "noise_ceiling n_models n_swaps swaps",
            _RANKS,
        ),
        build=_rank_rows,
    ),
)
