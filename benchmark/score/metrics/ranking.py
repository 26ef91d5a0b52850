"""Ranking metrics: ROC-AUC and two areas under the precision-recall curve.

The tracks are sorted once per tag. Tracks with tied scores form one step of the curves, so that
each value equals that of scikit-learn with ``sample_weight``.
"""

from __future__ import annotations

import numpy as np

from benchmark.score.metrics.kernels import LANES


def ranking_scores(scores: np.ndarray, targets: np.ndarray, packed: np.ndarray) -> np.ndarray:
    """Score the ranking of the tracks for every tag under every weighting.

    Args:
        scores: (N, C) finite; any monotone scale.
        targets: (N, C) of 0 and 1.
        packed: Weights from :func:`pack_weights`, R lanes in all.

    Returns:
        (3, C, R) float64: area under the ROC curve; average
        precision (sum of precision over recall steps); trapezoidal area under the
        precision-recall curve, which is too high for sparse curves (Davis & Goadrich 2006) and is
        included because older papers report it.
    """
    from benchmark.score.metrics.kernels import rank_tag

    columns = scores.shape[1]
    out = np.empty((3, columns, packed.shape[0] * LANES))
    for tag in range(columns):
        column = np.ascontiguousarray(scores[:, tag], dtype=np.float32)
        positive = np.ascontiguousarray(targets[:, tag], dtype=np.uint8)
        order = np.argsort(-column, kind="stable").astype(np.uint32)
        rank_tag(order, column, positive, packed, out[:, tag])
    return out
