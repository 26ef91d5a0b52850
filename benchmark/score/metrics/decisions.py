"""Yes-or-no predictions from scores, and their F1, MCC, precision and recall.

* Multi-label: a tag is predicted for the tracks that score at least as high as its k-th highest
  score, k being its number of positive tracks. No threshold is tuned on the test set and no
  calibration is assumed; where no scores tie, precision equals recall. The threshold comes from
  the full sample, and replicates reweight tracks under it.
* Single-label: the class with the highest score is predicted, the last one of a tie.

A tag of which the weighted sample holds one class only has no score: NaN.
"""

from __future__ import annotations

import numpy as np

from benchmark.score.metrics.weights import weight_of


def decide_multilabel(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Predict each tag for as many tracks as carry it (more where scores tie at the threshold).

    Args:
        scores: (N, C).
        targets: (N, C) of 0 and 1.

    Returns:
        (N, C) of bool; a tag without positives is predicted nowhere.
    """
    count = targets.sum(axis=0, dtype=np.int64)
    descending = -np.sort(-scores, axis=0)
    threshold = descending[np.maximum(count, 1) - 1, np.arange(scores.shape[1])]
    return (scores >= threshold) & (count > 0)


def decide_singlelabel(scores: np.ndarray) -> np.ndarray:
    """Predict the class with the highest score, the last one of a tie, as (N, C) of bool."""
    return top_k(scores, 1)


def top_k(scores: np.ndarray, k: int) -> np.ndarray:
    """Mark the ``k`` highest scores of each track, as (N, C) of bool.

    A tie goes to the later class, as in ``sklearn.metrics.top_k_accuracy_score``, for every
    ``k``: the ``k`` marked classes are among the ``k + 1``, so that top-K accuracy is never below
    accuracy.
    """
    highest = scores.argsort(axis=1, kind="stable")[:, max(0, scores.shape[1] - k) :]
    marked = np.zeros(scores.shape, dtype=bool)
    np.put_along_axis(marked, highest, values=True, axis=1)
    return marked


def decision_scores(predicted: np.ndarray, targets: np.ndarray, packed: np.ndarray) -> np.ndarray:
    """Score yes-or-no predictions of every tag under every weighting.

    Args:
        predicted: (N, C) of bool.
        targets: (N, C) of 0 and 1.
        packed: Weights from :func:`pack_weights`, R lanes in all.

    Returns:
        (4, C, R): F1, Matthews correlation, precision, recall.
        MCC is 0 where the prediction is constant, as in scikit-learn. Precision is NaN where a
        tag is predicted nowhere; all four are where the sample holds one class only.
    """
    truth = targets.astype(bool)
    hit = weight_of(predicted & truth, packed)
    said = weight_of(predicted, packed)
    real = weight_of(truth, packed)
    total = weight_of(np.ones((len(truth), 1), dtype=bool), packed)
    defined = (real > 0) & (real < total)
    with np.errstate(divide="ignore", invalid="ignore"):
        f1 = 2.0 * hit / (said + real)
        covariance = hit * total - said * real
        # Two roots: the product under one root would lose digits in large samples.
        scale = np.sqrt(said * (total - said)) * np.sqrt(real * (total - real))
        mcc = np.where(scale > 0, covariance / scale, 0.0)
        found = np.stack([f1, mcc, hit / said, hit / real])
    return np.where(defined, found, np.nan)
