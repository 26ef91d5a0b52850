"""Statistical comparison of models from paired bootstrap replicates of a score.

Every function takes scores (M, 1 + B) of M models whose replicates share their resampling weights.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import stdtr

CERTAIN = 0.975
"""Fraction of replicates in which an order must hold to be significant: two-sided 95 %."""

NO_SPREAD = 1e-12
"""A standard error up to this value is attributed to rounding."""

Interval = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Function from samples (..., 1 + B) to the lower and the upper ends (...,) of an interval."""


def tie_groups(samples: np.ndarray, interval: Interval) -> np.ndarray:
    """Group models that do not differ significantly from the best model of their group.

    Models are visited in descending order of their score. A model is added to the current group if
    the paired interval of the difference between the group's best model and this model contains
    zero; otherwise it is the best model of the next group. Two other models of a group may differ
    significantly from each other.

    Args:
        samples: (M, 1 + B) scores.
        interval: Function that returns the interval of a difference (1 + B,).

    Returns:
        (M,) group numbers from 1; NaN for a model without a score, and for all models if an
        interval is not defined.
    """
    groups = np.full(len(samples), np.nan)
    ranked = [m for m in np.argsort(-samples[:, 0], kind="stable") if not np.isnan(samples[m, 0])]
    best, group = None, 0
    for model in ranked:
        if best is not None:
            low, _ = interval(samples[best] - samples[model])
            if np.isnan(low):
                return np.full(len(samples), np.nan)
        if best is None or low > 0:
            best, group = model, group + 1
        groups[model] = group
    return groups


def chance_of_beating(samples: np.ndarray) -> np.ndarray:
    """Return (M, M): the fraction of replicates in which model i scores higher than model j.

    A tie counts one half. The value is NaN if no replicate has a score of both models.
    """
    scores_i, scores_j = samples[:, None, 1:], samples[None, :, 1:]
    valid = ~(np.isnan(scores_i) | np.isnan(scores_j))
    with np.errstate(invalid="ignore"):
        outcomes = (scores_i > scores_j) + 0.5 * (scores_i == scores_j)
        wins = np.where(valid, outcomes, 0.0).sum(axis=-1)
    count = valid.sum(axis=-1)
    return np.where(count > 0, wins / np.maximum(count, 1), np.nan)


def kendall_tau(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return Kendall's tau-b between two orders of the models, in each replicate.

    Args:
        first: (M, 1 + B) scores, or (M, 1) to hold one order fixed.
        second: (M, 1 + B) scores.

    Returns:
        (1 + B,); NaN if all models of an order are tied or a score is missing.
    """
    pairs = np.triu_indices(len(second), k=1)
    signs_first = np.sign(first[pairs[0]] - first[pairs[1]])
    signs_second = np.sign(second[pairs[0]] - second[pairs[1]])
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.sqrt((signs_first**2).sum(axis=0) * (signs_second**2).sum(axis=0))
        return np.asarray((signs_first * signs_second).sum(axis=0) / scale)


def noise_ceiling(clean: np.ndarray) -> float:
    """Return the mean tau between the order of the models and its replicates.

    A tau between the clean and a perturbed order below this value is not explained by sampling
    noise alone.

    Args:
        clean: (M, 1 + B) scores on clean audio.
    """
    taus = kendall_tau(clean[:, :1], clean[:, 1:])
    defined = taus[~np.isnan(taus)]
    return float(defined.mean()) if len(defined) else float("nan")


def p_value(samples: np.ndarray) -> np.ndarray:
    """Return one-sided p values (...,) of the claim that a statistic (..., 1 + B) is above zero.

    The value is ``(1 + replicates at or below zero) / (1 + replicates)``; it is at least
    1 / (1 + B) (Davison & Hinkley 1997, sec. 4.2).
    """
    valid = ~np.isnan(samples[..., 1:])
    with np.errstate(invalid="ignore"):
        against = (samples[..., 1:] <= 0).sum(axis=-1)
    count = valid.sum(axis=-1)
    return np.where(count > 0, (1 + against) / (1 + count), np.nan)


def tail_p(samples: np.ndarray, n_clusters: int) -> np.ndarray:
    """Return one-sided p values (...,) of the claim that a statistic (..., 1 + B) is above zero.

    The estimate divided by its bootstrap standard error is tested against Student's t distribution
    with ``n_clusters`` - 1 degrees of freedom. Unlike :func:`p_value`, the result has no lower
    bound of 1 / (1 + B), which would exceed the significance level after a correction for dozens of
    tests. :func:`p_value` is used for a statistic whose standard error is zero.

    Args:
        samples: The estimate and its replicates; NaN replicates are ignored.
        n_clusters: Number of clusters that the bootstrap resamples; the result is NaN below two.
    """
    valid = ~np.isnan(samples[..., 1:])
    count = valid.sum(axis=-1)
    values = np.where(valid, samples[..., 1:], 0.0)
    mean = values.sum(axis=-1) / np.maximum(count, 1)
    deviations = np.where(valid, samples[..., 1:] - mean[..., None], 0.0)
    error = np.sqrt((deviations**2).sum(axis=-1) / np.maximum(count - 1, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        tail = stdtr(max(n_clusters - 1, 1), -samples[..., 0] / error)
    p_values = np.where(error > NO_SPREAD, tail, p_value(samples))
    undefined = np.isnan(samples[..., 0]) | (count < 2) | (n_clusters < 2)
    return np.where(undefined, np.nan, p_values)


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjust p values of any shape for multiple tests after Holm (1979); NaN are not counted."""
    flat = np.asarray(p_values, dtype=float).ravel()
    adjusted = np.full_like(flat, np.nan)
    tested = np.flatnonzero(~np.isnan(flat))
    order = tested[np.argsort(flat[tested], kind="stable")]
    steps = flat[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted.reshape(np.shape(p_values))


def swaps(clean: np.ndarray, perturbed: np.ndarray) -> list[tuple[int, int]]:
    """Return the pairs (i, j) of models whose order changes significantly.

    Model i scores higher than j on clean audio, and j scores higher than i on perturbed audio, each
    in at least the fraction :data:`CERTAIN` of the replicates.

    Args:
        clean: (M, 1 + B) scores on clean audio.
        perturbed: (M, 1 + B) scores on perturbed audio.
    """
    before, after = chance_of_beating(clean), chance_of_beating(perturbed)
    with np.errstate(invalid="ignore"):
        swapped = (before >= CERTAIN) & (after.T >= CERTAIN)
    return [(int(i), int(j)) for i, j in np.argwhere(swapped)]
