"""ROC-AUC and the areas under the precision-recall curve."""

from __future__ import annotations

from benchmark.score.metrics.metric import Metric, mean_prevalence

METRICS = (
    Metric("roc_auc", "ROC-AUC", lambda _: 0.5, True, lambda sample: sample.ranking[0]),
    Metric("pr_auc", "PR-AUC", mean_prevalence, True, lambda sample: sample.ranking[1]),
    Metric(
        "pr_auc_trapezoid",
        "PR-AUC (trapezoid)",
        mean_prevalence,
        True,
        lambda sample: sample.ranking[2],
    ),
)
