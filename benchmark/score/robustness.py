"""Statistics over perturbations, after ImageNet-C (Hendrycks & Dietterich 2019, sec. 4).

Every function keeps the replicate axis, so that each statistic has an estimate and an interval from
the same resamples. A family may have two directions, such as pitch up and down. They are averaged
at each severity first, so that all families have the same weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.perturbations import Condition, protocol_order
from benchmark.score.metrics import all_metrics
from benchmark.score.score_types import BootstrapScores

GUARD = 5.0
"""Bootstrap standard errors that a baseline drop must exceed to be the denominator of a ratio."""


@dataclass(frozen=True)
class Family:
    """The conditions of one family under one protocol.

    Attributes:
        protocol: Perturbation protocol.
        name: Family name.
        severities: Positions in ``BootstrapScores.conditions``, one tuple per severity in
            ascending order.
        steps: The severities themselves, such as ``(1, 3, 5)``.
    """

    protocol: str
    name: str
    severities: tuple[tuple[int, ...], ...]
    steps: tuple[int, ...]

    @property
    def label(self) -> str:
        """Prefix of the family's columns: the name, preceded by a protocol other than suite."""
        return self.name if self.protocol == "suite" else f"{self.protocol}_{self.name}"

    def curve(self, samples: np.ndarray) -> np.ndarray:
        """Average over directions: (M, K, 1 + B) becomes (M, severities, 1 + B)."""
        return np.stack([samples[:, list(at)].mean(axis=1) for at in self.severities], axis=1)

    def mean(self, samples: np.ndarray) -> np.ndarray:
        """Average over directions, then severities: (M, K, 1 + B) becomes (M, 1 + B).

        The mean is NaN for a model that lacks a condition, because means over different conditions
        are not comparable.
        """
        return self.curve(samples).mean(axis=1)


def families(conditions: Sequence[Condition]) -> list[Family]:
    """Group perturbed conditions by protocol and family, ``suite`` first, then by name."""
    positions: dict[tuple[bool, str, str], dict[int, list[int]]] = {}
    for at, condition in enumerate(conditions):
        if not condition.clean:
            key = (*protocol_order(condition.protocol), condition.family)
            positions.setdefault(key, {}).setdefault(condition.severity, []).append(at)
    return [
        Family(
            protocol,
            name,
            severities=tuple(tuple(levels[step]) for step in sorted(levels)),
            steps=tuple(sorted(levels)),
        )
        for (_, protocol, name), levels in sorted(positions.items())
    ]


def corruption_errors(curves: Sequence[np.ndarray], baseline: int) -> np.ndarray:
    """Return CE: the error summed over severities, divided by that of the baseline model.

    Args:
        curves: One array (M, severities, 1 + B) of scores per family.
        baseline: Position of the baseline model, whose CE is 1.

    Returns:
        (families, M, 1 + B); its mean over families is mCE. The value of the baseline is 1.
    """
    errors = np.stack([(1.0 - curve).sum(axis=1) for curve in curves])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(errors[:, baseline, None] > 0, errors / errors[:, baseline, None], np.nan)


def relative_mce(drops: Sequence[np.ndarray], baseline: int) -> np.ndarray:
    """Return relative mCE: the drop from clean audio, divided by that of the baseline model.

    If the summed drop of the baseline exceeds :data:`GUARD` standard errors in every family, the
    value is the mean over families of the ratio of summed drops. Otherwise, if the baseline drop
    summed over families exceeds that limit, it is the ratio of the sums over families. Otherwise it
    is NaN, because a ratio with a denominator near zero is dominated by noise.

    Args:
        drops: One array (M, severities, 1 + B) per family.
        baseline: Position of the baseline model.

    Returns:
        (M, 1 + B).
    """
    summed = np.stack([drop.sum(axis=1) for drop in drops])
    if all(_clear(family[baseline]) for family in summed):
        with np.errstate(divide="ignore", invalid="ignore"):
            return (summed / summed[:, baseline, None]).mean(axis=0)
    pooled = summed.sum(axis=0)
    if _clear(pooled[baseline]):
        with np.errstate(divide="ignore", invalid="ignore"):
            return pooled / pooled[baseline]
    return np.full_like(pooled, np.nan)


def _clear(samples: np.ndarray) -> bool:
    """Return whether a baseline drop (1 + B,) exceeds :data:`GUARD` standard errors."""
    replicates = samples[1:][~np.isnan(samples[1:])]
    if len(replicates) < 2:
        return bool(samples[0] > 0)
    return bool(samples[0] > 0 and samples[0] > GUARD * replicates.std(ddof=1))


def retention(curve: np.ndarray, clean: np.ndarray, chance: float) -> np.ndarray:
    """Return the fraction of a model's skill above chance that is retained at each severity.

    Args:
        curve: (M, severities, 1 + B) scores.
        clean: (M, 1 + B) scores on clean audio.
        chance: Score of random predictions: 0.5 for ROC-AUC, the prevalence for PR-AUC.

    Returns:
        (M, severities, 1 + B): 1 without loss, 0 at chance; NaN if the clean score is not above
        chance.
    """
    skill = clean - chance
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(skill[:, None] > 0, (curve - chance) / skill[:, None], np.nan)


def area_under_curve(kept: np.ndarray, steps: Sequence[int]) -> np.ndarray:
    """Return the mean retention from clean to the last severity by the trapezoidal rule.

    Args:
        kept: (M, severities, 1 + B) retention.
        steps: The severities, ascending; clean is step 0 with retention 1.

    Returns:
        (M, 1 + B); 1 without loss.
    """
    curve = np.concatenate([np.ones_like(kept[:, :1]), kept], axis=1)
    return np.trapezoid(curve, x=(0, *steps), axis=1) / steps[-1]


def critical_severity(drop: np.ndarray, steps: Sequence[int], tau: float = 0.02) -> np.ndarray:
    """Return the severity at which a drop first reaches ``tau``, by linear interpolation.

    Args:
        drop: (M, severities, 1 + B) drop from clean.
        steps: The severities, ascending; clean is step 0 with drop 0.
        tau: Smallest drop that counts as a degradation.

    Returns:
        (M, 1 + B); infinite if the drop stays below ``tau``, NaN if a severity is missing.
    """
    curve = np.concatenate([np.zeros_like(drop[:, :1]), drop], axis=1)
    at = np.asarray((0, *steps), dtype=float)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (tau - curve[:, :-1]) / (curve[:, 1:] - curve[:, :-1])
        crossing = at[:-1] + share * (at[1:] - at[:-1])
    crossing = np.where(curve[:, 1:] >= tau, crossing, np.inf)
    reached = np.cumsum(curve[:, 1:] >= tau, axis=1)
    first = np.where(reached == 1, crossing, np.inf).min(axis=1)
    return np.where(np.isnan(drop).any(axis=1), np.nan, first)


@dataclass(frozen=True)
class FamilySummary:
    """Statistics of one family, each (M, 1 + B).

    Attributes:
        family: Family that the statistics describe.
        ce: Corruption error, see :func:`corruption_errors`; NaN without the baseline.
        retention: Fraction of skill retained, mean over severities.
        audc: Area under the degradation curve of retention.
        worst_drop: Largest drop under any condition of the family.
        critical_severity: See :func:`critical_severity`, of the drop averaged over directions.
    """

    family: Family
    ce: np.ndarray
    retention: np.ndarray
    audc: np.ndarray
    worst_drop: np.ndarray
    critical_severity: np.ndarray


@dataclass(frozen=True)
class Summary:
    """Statistics over the families of one protocol, each (M, 1 + B).

    Attributes:
        families: The statistics of each family.
        mce: Mean corruption error; NaN without the baseline.
        relative_mce: Relative mean corruption error, see :func:`relative_mce`.
        retention: Fraction of skill retained, mean over families.
        audc: Area under the degradation curve of retention, mean over families.
        worst_drop: Largest drop under any condition.
    """

    families: tuple[FamilySummary, ...]
    mce: np.ndarray
    relative_mce: np.ndarray
    retention: np.ndarray
    audc: np.ndarray
    worst_drop: np.ndarray


def summarise(data: BootstrapScores, baseline: str, protocol: str | None = None) -> Summary:
    """Compute the statistics of the primary score over the families of a protocol.

    A statistic is NaN for a model that lacks a condition.

    Args:
        data: Scores of every model under every condition.
        baseline: Model that the corruption errors are relative to.
        protocol: Perturbation protocol; by default ``data.protocol``.
    """
    scores, drops = data.scores[:, :, 0], data.drops[:, :, 0]
    wanted = protocol or data.protocol
    own = [f for f in families(data.conditions) if f.protocol == wanted]
    blank = np.full((len(data.models), scores.shape[-1]), np.nan)
    if not own:
        return Summary((), blank, blank, blank, blank, blank)
    chance = all_metrics()[data.primary].chance(data.n_positive / data.n_tracks)
    clean = data.clean(data.primary)
    curves, losses = [f.curve(scores) for f in own], [f.curve(drops) for f in own]
    errors = np.stack([blank] * len(own))
    relative = blank
    if baseline in data.models:
        at = data.models.index(baseline)
        errors, relative = corruption_errors(curves, at), relative_mce(losses, at)
    summaries = []
    for family, curve, drop, ce in zip(own, curves, losses, errors, strict=True):
        kept = retention(curve, clean, chance)
        positions = [at for severity in family.severities for at in severity]
        summaries.append(
            FamilySummary(
                family,
                ce,
                kept.mean(axis=1),
                area_under_curve(kept, family.steps),
                drops[:, positions].max(axis=1),
                critical_severity(drop, family.steps),
            )
        )
    return Summary(
        tuple(summaries),
        errors.mean(axis=0),
        relative,
        np.mean([summary.retention for summary in summaries], axis=0),
        np.mean([summary.audc for summary in summaries], axis=0),
        np.max([summary.worst_drop for summary in summaries], axis=0),
    )
