"""Scores of stored predictions, each computed for many weightings of the tracks at once.

A module of this package that defines ``METRICS``, a tuple of
:class:`~benchmark.score.metrics.metric.Metric`, adds metrics to every table, to the report and to
W&B.
"""

from __future__ import annotations

from benchmark.score.metrics.decisions import (
    decide_multilabel,
    decide_singlelabel,
    decision_scores,
    top_k,
)
from benchmark.score.metrics.kernels import LANES
from benchmark.score.metrics.metric import Metric, Sample
from benchmark.score.metrics.ranking import ranking_scores
from benchmark.score.metrics.registry import (
    all_metrics,
    check_metrics,
    primary_metric,
    tag_metrics,
    task_metrics,
)
from benchmark.score.metrics.weights import (
    nan_mean,
    pack_weights,
    share_of,
    valid_tags,
    weight_of,
    weighted_mean,
)

__all__ = [
    "LANES",
    "Metric",
    "Sample",
    "all_metrics",
    "check_metrics",
    "decide_multilabel",
    "decide_singlelabel",
    "decision_scores",
    "nan_mean",
    "pack_weights",
    "primary_metric",
    "ranking_scores",
    "share_of",
    "tag_metrics",
    "task_metrics",
    "top_k",
    "valid_tags",
    "weight_of",
    "weighted_mean",
]
