"""F1, Matthews correlation, precision and recall of each tag."""

from __future__ import annotations

from benchmark.score.metrics.metric import MULTILABEL, Metric, mean_prevalence

METRICS = (
    Metric("f1", "F1", mean_prevalence, True, lambda s: s.decisions[0], tasks=(MULTILABEL,)),
    Metric("mcc", "MCC", lambda _: 0.0, True, lambda s: s.decisions[1], tasks=(MULTILABEL,)),
    Metric("precision", "precision", mean_prevalence, True, lambda s: s.decisions[2], tasks=()),
    Metric("recall", "recall", mean_prevalence, True, lambda s: s.decisions[3], tasks=()),
)
