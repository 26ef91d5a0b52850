"""Accuracy, macro-F1 and top-K accuracy of single-label tasks."""

from __future__ import annotations

import numpy as np

from benchmark.score.metrics.decisions import top_k
from benchmark.score.metrics.metric import SINGLELABEL, Metric, Sample
from benchmark.score.metrics.weights import share_of

TOP = (2, 3, 5)
"""Values of K of the top-K scores."""


def _share_correct(sample: Sample, marked: np.ndarray) -> np.ndarray:
    """Return the weighted fraction (R,) of tracks whose class is marked; ``marked`` (N, C) bool."""
    correct = (marked & sample.targets.astype(bool)).any(axis=1)
    return share_of(correct[:, None], sample.packed)[0]


def _top_accuracy(k: int) -> Metric:
    """Return top-K accuracy, for tasks with more than K classes; with K classes it is always 1."""
    return Metric(
        f"top{k}_accuracy",
        f"top-{k} accuracy",
        lambda prevalence: k / len(prevalence),
        True,
        lambda sample: _share_correct(sample, top_k(sample.scores, k)),
        of="track",
        tasks=(SINGLELABEL,),
        min_tags=k + 1,
    )


METRICS = (
    Metric(
        "accuracy",
        "accuracy",
        lambda prevalence: 1.0 / len(prevalence),
        True,
        lambda sample: _share_correct(sample, sample.predicted),
        of="track",
        tasks=(SINGLELABEL,),
    ),
    Metric(
        "macro_f1",
        "macro-F1",
        lambda prevalence: 1.0 / len(prevalence),
        True,
        lambda sample: sample.decisions[0],
        tasks=(SINGLELABEL,),
        per_tag=False,
    ),
    *(_top_accuracy(k) for k in TOP),
)
