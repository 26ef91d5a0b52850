"""Binary predictions from scores, and their F1, MCC, precision and recall.

* Multi-label: a tag is predicted for the tracks whose score is at least the k-th highest score of
  the tag, where k is its number of positive tracks. No threshold is tuned on the test set and no
  calibration is assumed. Without tied scores, precision equals recall. The threshold is computed
  from the full sample and is the same in all replicates.
* Single-label: the class with the highest score is predicted; of tied classes, the last one.

The score of a tag is NaN if all tracks or no tracks of the weighted sample have the tag.
"""

from __future__ import annotations

import numpy as np

from benchmark.score.metrics.weights import weight_of


def decide_multilabel(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Predict each tag for as many tracks as have it, or more if scores tie at the threshold.

    Args:
        scores: (N, C); any scale that ranks the tracks of a tag.
        targets: (N, C) of 0 and 1.

    Returns:
        (N, C) of bool; a tag without positive tracks is not predicted for any track.
    """
    count = targets.sum(axis=0, dtype=np.int64)
    descending = -np.sort(-scores, axis=0)
    threshold = descending[np.maximum(count, 1) - 1, np.arange(scores.shape[1])]
    return (scores >= threshold) & (count > 0)


def decide_singlelabel(scores: np.ndarray) -> np.ndarray:
    """Predict the class with the highest score (the last one of a tie), as (N, C) of bool."""
    return top_k(scores, 1)


def top_k(scores: np.ndarray, k: int) -> np.ndarray:
    """Mark the ``k`` highest scores of each track, as (N, C) of bool.

    Of tied classes, the later one is preferred, as in ``sklearn.metrics.top_k_accuracy_score``. The
    ``k`` marked classes are therefore among the ``k + 1`` marked ones, and top-K accuracy is never
    below accuracy.

    Args:
        scores: (N, C); any scale that ranks the classes of a track.
        k: Number of classes to mark.
    """
    highest = scores.argsort(axis=1, kind="stable")[:, max(0, scores.shape[1] - k) :]
    marked = np.zeros(scores.shape, dtype=bool)
    np.put_along_axis(marked, highest, values=True, axis=1)
    return marked


def decision_scores(predicted: np.ndarray, targets: np.ndarray, packed: np.ndarray) -> np.ndarray:
    """Score the binary predictions of every tag under every weighting.

    Args:
        predicted: (N, C) of bool.
        targets: (N, C) of 0 and 1.
        packed: Weights from :func:`pack_weights`, R lanes in all.

    Returns:
        (4, C, R): F1, Matthews correlation, precision, recall.
        MCC is 0 if the prediction is constant, as in scikit-learn. Precision is NaN if a tag is not
        predicted for any track. All four are NaN if all tracks or no tracks have the tag.
    """
    truth = targets.astype(bool)
    true_positive = weight_of(predicted & truth, packed)
    predicted_positive = weight_of(predicted, packed)
    positive = weight_of(truth, packed)
    total = weight_of(np.ones((len(truth), 1), dtype=bool), packed)
    defined = (positive > 0) & (positive < total)
    with np.errstate(divide="ignore", invalid="ignore"):
        f1 = 2.0 * true_positive / (predicted_positive + positive)
        covariance = true_positive * total - predicted_positive * positive
        # The root of the product would lose digits in large samples.
        scale = np.sqrt(predicted_positive * (total - predicted_positive)) * np.sqrt(
            positive * (total - positive)
        )
        mcc = np.where(scale > 0, covariance / scale, 0.0)
        precision, recall = true_positive / predicted_positive, true_positive / positive
        scores = np.stack([f1, mcc, precision, recall])
    return np.where(defined, scores, np.nan)
