"""Precision of the ten tracks with the highest scores of a tag; multi-label tasks.

It scores retrieval: a tag is the query, and the tracks are ranked by its scores. Where tracks have
tied scores, it is the mean over the orders of the tied tracks, so that it does not depend on the
order of the tracks, and a model whose scores are all equal has the prevalence of the tag. With
fewer than ten tracks, all of them are retrieved. The mean average precision (MAP) of retrieval is
``pr_auc``.
"""

from __future__ import annotations

import numpy as np

from benchmark.score.metrics.metric import MULTILABEL, Metric, Sample, mean_prevalence
from benchmark.score.metrics.weights import weight_of

K = 10


def _precision(sample: Sample) -> np.ndarray:
    """Return the precision (C, R) of each tag; NaN if all tracks or no tracks have the tag."""
    from benchmark.score.metrics.kernels import precision_at

    targets = sample.targets.astype(np.uint8)
    positive = weight_of(sample.targets.astype(bool), sample.packed)
    total = weight_of(np.ones((len(targets), 1), dtype=bool), sample.packed)
    out = np.empty(positive.shape)
    for tag in range(len(out)):
        column = np.ascontiguousarray(sample.scores[:, tag], dtype=np.float32)
        order = np.argsort(-column, kind="stable").astype(np.uint32)
        relevant = np.ascontiguousarray(targets[:, tag])
        precision_at(order, column, relevant, sample.packed, K, out[tag])
    return np.where((positive > 0) & (positive < total), out, np.nan)


METRICS = (
    Metric(
        "precision_at_10",
        "P@10",
        mean_prevalence,
        True,
        _precision,
        tasks=(MULTILABEL,),
        default=False,
    ),
)
