"""Accuracy, precision and recall of the decisions at probability 0.5; multi-label tasks.

A tag is predicted for the tracks whose score is above 0.5, as in torchmetrics and Keras. Three
conventions are in use, and their values differ widely:

* ``..._at_0.5``: the score of each tag, then the mean over tags. Precision is 0 for a tag that is
  not predicted for any track, as in scikit-learn.
* ``..._micro_at_0.5``: all pairs of a track and a tag at once, as in Korzeniowski et al. 2020. F1
  is the harmonic mean of this precision and recall.
* ``..._negative_class``: all pairs of a track and a tag at once, where *not having the tag* is what
  is retrieved, as in Neacsu 2024. A model that predicts nothing has the precision 1 - prevalence
  and the recall 1.

The accuracy of Neacsu 2024 is the share of all pairs that are right. If some, but not all, tracks
have each tag, as on MagnaTagATune, this equals the mean over tags.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmark.score.metrics.decisions import decision_scores
from benchmark.score.metrics.metric import MULTILABEL, Metric, Sample, mean_prevalence
from benchmark.score.metrics.weights import weight_of

THRESHOLD = 0.5


def _predicted(sample: Sample) -> np.ndarray:
    return sample.scores > THRESHOLD


def _accuracy(sample: Sample) -> np.ndarray:
    """Return the fraction (C, R) of tracks for which the decision on a tag is right."""
    right = _predicted(sample) == sample.targets.astype(bool)
    return sample.mean_by_tag(right.astype(np.float64))


def _precision(sample: Sample) -> np.ndarray:
    """Return the precision (C, R) of each tag, 0 for a tag that is never predicted."""
    _, _, precision, recall = decision_scores(_predicted(sample), sample.targets, sample.packed)
    return np.where(np.isnan(precision) & ~np.isnan(recall), 0.0, precision)


def _recall(sample: Sample) -> np.ndarray:
    """Return the recall (C, R) of each tag."""
    return decision_scores(_predicted(sample), sample.targets, sample.packed)[3]


def _true_negatives(sample: Sample) -> np.ndarray:
    """Return the weight (R,) of the pairs that are neither predicted nor true."""
    rejected = ~_predicted(sample) & ~sample.targets.astype(bool)
    return weight_of(rejected, sample.packed).sum(axis=0)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return ``part / whole`` (R,), NaN where ``whole`` is 0."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _negative_precision(sample: Sample) -> np.ndarray:
    """Return the fraction (R,) of the pairs that are not predicted and are not true."""
    rejected = weight_of(~_predicted(sample), sample.packed).sum(axis=0)
    return _share(_true_negatives(sample), rejected)


def _negative_recall(sample: Sample) -> np.ndarray:
    """Return the fraction (R,) of the pairs that are not true and are not predicted."""
    negatives = weight_of(~sample.targets.astype(bool), sample.packed).sum(axis=0)
    return _share(_true_negatives(sample), negatives)


def _hits(sample: Sample) -> np.ndarray:
    """Return the weight (R,) of the pairs that are predicted and true."""
    hits = _predicted(sample) & sample.targets.astype(bool)
    return weight_of(hits, sample.packed).sum(axis=0)


def _micro_precision(sample: Sample) -> np.ndarray:
    """Return the fraction (R,) of the predicted pairs that are true."""
    return _share(_hits(sample), weight_of(_predicted(sample), sample.packed).sum(axis=0))


def _micro_recall(sample: Sample) -> np.ndarray:
    """Return the fraction (R,) of the true pairs that are predicted."""
    return _share(_hits(sample), weight_of(sample.targets.astype(bool), sample.packed).sum(axis=0))


def _micro_f1(sample: Sample) -> np.ndarray:
    """Return 2 * hits / (predicted + true) (R,)."""
    predicted = weight_of(_predicted(sample), sample.packed).sum(axis=0)
    true = weight_of(sample.targets.astype(bool), sample.packed).sum(axis=0)
    return _share(2 * _hits(sample), predicted + true)


def _half(prevalence: np.ndarray) -> float:
    """Return the score of scores that are uniform from 0 to 1."""
    return 0.5


def _f1_chance(prevalence: np.ndarray) -> float:
    """Return the F1 of scores that are uniform from 0 to 1."""
    share = mean_prevalence(prevalence)
    return share / (share + 0.5)


def _absence(prevalence: np.ndarray) -> float:
    return 1.0 - mean_prevalence(prevalence)


_OPTIONS: dict[str, Any] = {"tasks": (MULTILABEL,), "per_tag": False, "default": False}

METRICS = (
    Metric("accuracy_at_0.5", "accuracy at 0.5", _half, True, _accuracy, **_OPTIONS),
    Metric("precision_at_0.5", "precision at 0.5", mean_prevalence, True, _precision, **_OPTIONS),
    Metric("recall_at_0.5", "recall at 0.5", _half, True, _recall, **_OPTIONS),
    *(
        Metric(
            f"{name}_micro_at_0.5",
            f"{name} at 0.5 (micro)",
            chance,
            True,
            of_pairs,
            of="track",
            **_OPTIONS,
        )
        for name, chance, of_pairs in (
            ("precision", mean_prevalence, _micro_precision),
            ("recall", _half, _micro_recall),
            ("f1", _f1_chance, _micro_f1),
        )
    ),
    Metric(
        "precision_negative_class",
        "precision of the negative class",
        _absence,
        True,
        _negative_precision,
        of="track",
        **_OPTIONS,
    ),
    Metric(
        "recall_negative_class",
        "recall of the negative class",
        _half,
        True,
        _negative_recall,
        of="track",
        **_OPTIONS,
    ),
)
