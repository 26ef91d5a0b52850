"""Statistics over perturbations, after ImageNet-C (Hendrycks & Dietterich 2019, sec. 4).

Every function keeps the replicate axis, so each statistic has an estimate and an interval from
the same draws. A family may have two directions (pitch up and down): they are averaged at each
severity first, so that a family with two members weighs no more than one with one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.perturbations import Condition, protocol_order
from benchmark.score.metrics import all_metrics
from benchmark.score.score_types import BootstrapScores

GUARD = 5.0
"""A relative error needs a baseline drop of this many bootstrap standard errors."""


@dataclass(frozen=True)
class Family:
    """The conditions of one family under one protocol.

    Attributes:
        protocol: Perturbation protocol.
        name: Family name.
        severities: Positions in ``BootstrapScores.conditions``, one tuple per severity, the mildest
            first.
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

        A model that lacks one condition has no mean (NaN): means over different conditions do not
        compare.
        """
        return self.curve(samples).mean(axis=1)


def families(conditions: Sequence[Condition]) -> list[Family]:
    """Group perturbed conditions by protocol and family, ``suite`` first, then by name."""
    found: dict[tuple[bool, str, str], dict[int, list[int]]] = {}
    for at, one in enumerate(conditions):
        if not one.clean:
            key = (*protocol_order(one.protocol), one.family)
            found.setdefault(key, {}).setdefault(one.severity, []).append(at)
    return [
        Family(
            protocol,
            name,
            severities=tuple(tuple(levels[step]) for step in sorted(levels)),
            steps=tuple(sorted(levels)),
        )
        for (_, protocol, name), levels in sorted(found.items())
    ]


def corruption_errors(curves: Sequence[np.ndarray], baseline: int) -> np.ndarray:
    """Return CE: summed error over severities as a share of the baseline model's.

    Args:
        curves: One array (M, severities, 1 + B) of scores per family.
        baseline: Position of the baseline model, whose CE is 1.

    Returns:
        (families, M, 1 + B); its mean over families is mCE. As a fraction: 1 is the baseline.
    """
    errors = np.stack([(1.0 - curve).sum(axis=1) for curve in curves])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(errors[:, baseline, None] > 0, errors / errors[:, baseline, None], np.nan)


def relative_mce(drops: Sequence[np.ndarray], baseline: int) -> np.ndarray:
    """Return relative mCE: the drop from clean as a share of the baseline's, guarded.

    The mean over families of summed drop over baseline's summed drop, where each family's
    baseline drop exceeds :data:`GUARD` standard errors; else the ratio of the sums over families,
    where that exceeds it; else NaN, since a quotient with a denominator near zero is noise.

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
    """Whether a baseline drop (1 + B) stands clear of zero."""
    known = samples[1:][~np.isnan(samples[1:])]
    if len(known) < 2:
        return bool(samples[0] > 0)
    return bool(samples[0] > 0 and samples[0] > GUARD * known.std(ddof=1))


def retention(curve: np.ndarray, clean: np.ndarray, chance: float) -> np.ndarray:
    """Return the share of a model's skill that is left at each severity.

    Args:
        curve: (M, severities, 1 + B) scores.
        clean: (M, 1 + B) scores on clean audio.
        chance: Score without skill: 0.5 for ROC-AUC, the prevalence for PR-AUC.

    Returns:
        (M, severities, 1 + B): 1 is unaffected, 0 is chance; NaN where the model has no skill.
    """
    skill = clean - chance
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(skill[:, None] > 0, (curve - chance) / skill[:, None], np.nan)


def area_under_curve(kept: np.ndarray, steps: Sequence[int]) -> np.ndarray:
    """Return the mean retention from clean to the last severity, by the trapezoidal rule.

    Args:
        kept: (M, severities, 1 + B) retention.
        steps: The severities, ascending; clean is step 0 with retention 1.

    Returns:
        (M, 1 + B); 1 is unaffected.
    """
    whole = np.concatenate([np.ones_like(kept[:, :1]), kept], axis=1)
    return np.trapezoid(whole, x=(0, *steps), axis=1) / steps[-1]


def critical_severity(drop: np.ndarray, steps: Sequence[int], tau: float = 0.02) -> np.ndarray:
    """Return the severity, between steps by a straight line, at which a drop first reaches ``tau``.

    Args:
        drop: (M, severities, 1 + B) drop from clean.
        steps: The severities, ascending; clean is step 0 with drop 0.
        tau: Drop that matters.

    Returns:
        (M, 1 + B); infinite where the drop stays below ``tau``, NaN where a severity is missing.
    """
    whole = np.concatenate([np.zeros_like(drop[:, :1]), drop], axis=1)
    at = np.asarray((0, *steps), dtype=float)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (tau - whole[:, :-1]) / (whole[:, 1:] - whole[:, :-1])
        crossing = at[:-1] + share * (at[1:] - at[:-1])
    crossing = np.where(whole[:, 1:] >= tau, crossing, np.inf)
    reached = np.cumsum(whole[:, 1:] >= tau, axis=1)
    first = np.where(reached == 1, crossing, np.inf).min(axis=1)
    return np.where(np.isnan(drop).any(axis=1), np.nan, first)


@dataclass(frozen=True)
class FamilySummary:
    """Statistics of one family, each (M, 1 + B).

    Attributes:
        family: Which.
        ce: Corruption error, see :func:`corruption_errors`; NaN without the baseline.
        retention: Share of skill left, mean over severities.
        audc: Area under the degradation curve of retention.
        worst_drop: Largest drop under any of its conditions.
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
        relative_mce: The same of drops, guarded.
        retention: Share of skill left, mean over families.
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
    """Compute the statistics over the families of a protocol, by default the main one.

    All are of the primary score. NaN where a model lacks a condition.
    """
    scores, drops = data.scores[:, :, 0], data.drops[:, :, 0]
    wanted = protocol or data.protocol
    own = [f for f in families(data.conditions) if f.protocol == wanted]
    blank = np.full((len(data.models), scores.shape[-1]), np.nan)
    if not own:
        return Summary((), blank, blank, blank, blank, blank)
    chance = all_metrics()[data.primary].chance(data.n_positive / data.n_tracks)
    clean = data.clean(data.primary)
    curves, lost = [f.curve(scores) for f in own], [f.curve(drops) for f in own]
    errors = np.stack([blank] * len(own))
    relative = blank
    if baseline in data.models:
        at = data.models.index(baseline)
        errors, relative = corruption_errors(curves, at), relative_mce(lost, at)
    found = []
    for family, curve, drop, ce in zip(own, curves, lost, errors, strict=True):
        kept = retention(curve, clean, chance)
        members = [at for severity in family.severities for at in severity]
        found.append(
            FamilySummary(
                family,
                ce,
                kept.mean(axis=1),
                area_under_curve(kept, family.steps),
                drops[:, members].max(axis=1),
                critical_severity(drop, family.steps),
            )
        )
    return Summary(
        tuple(found),
        errors.mean(axis=0),
        relative,
        np.mean([one.retention for one in found], axis=0),
        np.mean([one.audc for one in found], axis=0),
        np.max([one.worst_drop for one in found], axis=0),
    )
