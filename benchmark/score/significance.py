"""Models against each other, from paired replicates of one score.

Every function takes scores (M, 1 + B) of M models whose replicates share their resampling weights.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import stdtr

CERTAIN = 0.975
"""Share of replicates in which an order must hold to be called one: 95 % on two sides."""

NO_SPREAD = 1e-12
"""A standard error below this is rounding."""

Interval = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Lower and upper end of an interval along the last axis."""


def tie_groups(samples: np.ndarray, interval: Interval) -> np.ndarray:
    """Group models that the data cannot tell apart from the best one of their group.

    From the best model down, a model joins the current group while the paired interval of the
    leader's lead over it reaches zero, else it leads the next group. Belonging is to the leader:
    two members below it may differ from each other.

    Returns:
        (M,) of 1, 2, ...; NaN where a model has no score or intervals do not exist.
    """
    groups = np.full(len(samples), np.nan)
    ranked = [m for m in np.argsort(-samples[:, 0], kind="stable") if not np.isnan(samples[m, 0])]
    leader, group = None, 0
    for model in ranked:
        if leader is not None:
            low, _ = interval(samples[leader] - samples[model])
            if np.isnan(low):
                return np.full(len(samples), np.nan)
        if leader is None or low > 0:
            leader, group = model, group + 1
        groups[model] = group
    return groups


def chance_of_beating(samples: np.ndarray) -> np.ndarray:
    """Return (M, M): the share of replicates in which model i scores higher than model j.

    A tie counts half; NaN where either has no score.
    """
    one, other = samples[:, None, 1:], samples[None, :, 1:]
    known = ~(np.isnan(one) | np.isnan(other))
    with np.errstate(invalid="ignore"):
        wins = np.where(known, (one > other) + 0.5 * (one == other), 0.0).sum(axis=-1)
    count = known.sum(axis=-1)
    return np.where(count > 0, wins / np.maximum(count, 1), np.nan)


def kendall_tau(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return Kendall's tau-b between two orders of the models, in each replicate.

    Args:
        first: (M, 1 + B) scores, or (M, 1) to hold one order fixed.
        second: (M, 1 + B) scores.

    Returns:
        (1 + B,); NaN where an order is all ties or a score is missing.
    """
    pairs = np.triu_indices(len(second), k=1)
    one = np.sign(first[pairs[0]] - first[pairs[1]])
    other = np.sign(second[pairs[0]] - second[pairs[1]])
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.sqrt((one**2).sum(axis=0) * (other**2).sum(axis=0))
        return np.asarray((one * other).sum(axis=0) / scale)


def noise_ceiling(clean: np.ndarray) -> float:
    """Return the mean tau between the models' order and its own replicates.

    A tau between clean and perturbed orders below this is more than sampling noise.
    """
    taus = kendall_tau(clean[:, :1], clean[:, 1:])
    known = taus[~np.isnan(taus)]
    return float(known.mean()) if len(known) else float("nan")


def p_value(samples: np.ndarray) -> np.ndarray:
    """Return one-sided p values (...,) of the claim that a statistic (..., 1 + B) is above zero.

    ``(1 + replicates at or below zero) / (1 + replicates)``: never 0, at best 1 / (1 + B)
    (Davison & Hinkley 1997, sec. 4.2).
    """
    known = ~np.isnan(samples[..., 1:])
    with np.errstate(invalid="ignore"):
        against = (samples[..., 1:] <= 0).sum(axis=-1)
    count = known.sum(axis=-1)
    return np.where(count > 0, (1 + against) / (1 + count), np.nan)


def tail_p(samples: np.ndarray, n_clusters: int) -> np.ndarray:
    """Return one-sided p values (...,) of the claim that a statistic (..., 1 + B) is above zero.

    The estimate over its bootstrap standard error, against Student's t with ``n_clusters`` - 1
    degrees of freedom: unlike :func:`p_value` it has no floor of 1 / (1 + B), which no correction
    for dozens of claims could pass. A statistic without spread falls back on that one.

    Args:
        samples: The estimate and its replicates; NaN replicates are left out.
        n_clusters: Units that the bootstrap drew; below two there is no test.
    """
    known = ~np.isnan(samples[..., 1:])
    count = known.sum(axis=-1)
    values = np.where(known, samples[..., 1:], 0.0)
    mean = values.sum(axis=-1) / np.maximum(count, 1)
    off = np.where(known, samples[..., 1:] - mean[..., None], 0.0)
    error = np.sqrt((off**2).sum(axis=-1) / np.maximum(count - 1, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        tail = stdtr(max(n_clusters - 1, 1), -samples[..., 0] / error)
    found = np.where(error > NO_SPREAD, tail, p_value(samples))
    lost = np.isnan(samples[..., 0]) | (count < 2) | (n_clusters < 2)
    return np.where(lost, np.nan, found)


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjust p values for their number after Holm (1979); NaN are no tests and stay NaN."""
    flat = np.asarray(p_values, dtype=float).ravel()
    adjusted = np.full_like(flat, np.nan)
    known = np.flatnonzero(~np.isnan(flat))
    order = known[np.argsort(flat[known], kind="stable")]
    steps = flat[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted.reshape(np.shape(p_values))


def swaps(clean: np.ndarray, perturbed: np.ndarray) -> list[tuple[int, int]]:
    """Return the pairs (i, j) of models that change places for certain.

    A swap is called only if both orders hold: i beats j on clean audio, and j beats i when
    perturbed, each in :data:`CERTAIN` of the replicates.
    """
    before, after = chance_of_beating(clean), chance_of_beating(perturbed)
    with np.errstate(invalid="ignore"):
        found = (before >= CERTAIN) & (after.T >= CERTAIN)
    return [(int(i), int(j)) for i, j in np.argwhere(found)]
