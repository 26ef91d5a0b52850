"""Macro scores of every model under every condition, with their bootstrap replicates.

All statistics of a benchmark derive from :class:`BootstrapScores`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from benchmark.perturbations import CONTROLS, CUSTOM, SUITE, Condition
from benchmark.score.bootstrap import interval
from benchmark.score.long_tail import Tail
from benchmark.score.tag_groups import GroupScores


@dataclass(frozen=True)
class TagScores:
    """Scores of every tag for one model and condition, averaged over seeds.

    Attributes:
        value: (M, C) in the order of :func:`benchmark.score.metrics.tag_metrics`; NaN where a
            tag has one class only.
        low: (M, C) lower ends of the intervals.
        high: (M, C) upper ends.
        drop: (3, C): fall of ROC-AUC from clean, and the ends of its paired interval.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    drop: np.ndarray


@dataclass(frozen=True)
class ClassScores:
    """What one model does with the classes of clean audio.

    Attributes:
        tail: (T, 1 + B) hit rates on rare classes, mean over seeds, in the order of
            :attr:`BootstrapScores.tails`.
        confusion: (C, C) tracks by true and by predicted class, added up over seeds; without
            rows for a multi-label task.
    """

    tail: np.ndarray
    confusion: np.ndarray


@dataclass(frozen=True)
class PredictionShift:
    """How far one model's predictions move under one condition, see `benchmark.score.consistency`.

    Each (Q,): a mean over tracks and seeds, and its interval.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class BootstrapScores:
    """Scores on a last axis of 1 + B: the estimate first, then the bootstrap replicates.

    Attributes:
        dataset: Label of the dataset.
        task: ``"multilabel"`` or ``"singlelabel"``.
        models: (M,) labels, sorted.
        conditions: (K,) sorted.
        metrics: Names of the macro scores, the primary one first.
        scores: (M, K, S, 1 + B) mean over seeds and valid tags; NaN where nothing was evaluated.
        drops: (M, K, S, 1 + B) score on clean audio minus score, over the seeds that have both.
        n_seeds: (M, K) number of seeds behind ``scores``.
        tags: (C,) names.
        n_positive: (C,) tracks that carry each tag.
        n_tracks: Number of test tracks.
        n_valid_tags: Tags with both classes present.
        n_clusters: Units that the bootstrap draws.
        tag_scores: Per-tag scores by model and condition.
        training_counts: (C,) training tracks that carry each tag; None where nobody counted.
        tails: The questions about rare classes, see :mod:`benchmark.score.long_tail`.
        n_tail_tracks: (T,) test tracks that carry one of the rare classes of each.
        by_class: Answers to them and confusions, by model and clean condition.
        groups: Scores over groups of tags, by name of the group: :data:`INVARIANT`, or a category.
        shifts: How far predictions moved from those on clean audio.
    """

    dataset: str
    task: str
    models: tuple[str, ...]
    conditions: tuple[Condition, ...]
    metrics: tuple[str, ...]
    scores: np.ndarray
    drops: np.ndarray
    n_seeds: np.ndarray
    tags: tuple[str, ...]
    n_positive: np.ndarray
    n_tracks: int
    n_valid_tags: int
    n_clusters: int
    tag_scores: dict[tuple[str, Condition], TagScores]
    training_counts: np.ndarray | None
    tails: tuple[Tail, ...]
    n_tail_tracks: tuple[int, ...]
    by_class: dict[tuple[str, Condition], ClassScores]
    groups: dict[tuple[str, Condition], dict[str, GroupScores]]
    shifts: dict[tuple[str, Condition], PredictionShift]

    @property
    def primary(self) -> str:
        """Name of the score that ranks."""
        return self.metrics[0]

    @cached_property
    def protocol(self) -> str:
        """The protocol that the leaderboard is about: ``suite`` where it was run."""
        perturbed = {condition.protocol for condition in self.conditions if not condition.clean}
        names = perturbed or {condition.protocol for condition in self.conditions}
        return min(names, key=lambda name: (name != SUITE, name in (CONTROLS, CUSTOM), name))

    def interval(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the 95 % interval along the last axis; NaN where one cluster is all there is."""
        if self.n_clusters < 2:
            samples = samples[..., :1]
        return interval(samples)

    def clean(self, metric: str) -> np.ndarray:
        """Return (M, 1 + B): the score on untouched audio, the main protocol's where it has one."""
        at = self.metrics.index(metric)
        result = np.full(self.scores[:, 0, at].shape, np.nan)
        for m in range(len(self.models)):
            k = self.clean_condition(m)
            if k is not None:
                result[m] = self.scores[m, k, at]
        return result

    def clean_condition(self, model: int) -> int | None:
        """Return which clean condition speaks for a model, the main protocol's where it has one."""
        found = [k for k, one in enumerate(self.conditions) if one.clean and self.n_seeds[model, k]]
        found.sort(key=lambda k: self.conditions[k].protocol != self.protocol)
        return found[0] if found else None
