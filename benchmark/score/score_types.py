"""Scores of every model under every condition, with their bootstrap replicates.

All statistics of a benchmark are computed from :class:`BootstrapScores`.
"""

from __future__ import annotations

from collections.abc import Mapping
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
        value: (M, C) in the order of `BootstrapScores.tag_metrics`; NaN if all tracks or no tracks
            have the tag.
        low: (M, C) lower ends of the intervals.
        high: (M, C) upper ends of the intervals.
        drop: (3, C): drop of ROC-AUC from clean audio, and the ends of its paired interval.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    drop: np.ndarray


@dataclass(frozen=True)
class ClassScores:
    """Scores by class of one model on clean audio.

    Attributes:
        tail: (T, 1 + B) hit rates on rare classes, mean over seeds, in the order of
            :attr:`BootstrapScores.tails`.
        confusion: (C, C) number of tracks by true and by predicted class, summed over seeds;
            (0, C) for a multi-label task.
        precision: (P,) precision at :data:`benchmark.score.precision_recall.RECALLS`, mean over
            seeds; NaN for a multi-label task.
    """

    tail: np.ndarray
    confusion: np.ndarray
    precision: np.ndarray


@dataclass(frozen=True)
class PredictionShift:
    """Change of one model's predictions under one condition, see `benchmark.score.consistency`.

    Attributes:
        value: (Q,) means over tracks and seeds.
        low: (Q,) lower ends of the intervals.
        high: (Q,) upper ends of the intervals.
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
        scores: (M, K, S, 1 + B) mean over seeds and valid tags; NaN if not evaluated.
        drops: (M, K, S, 1 + B) score on clean audio minus score, mean over the seeds that have
            both; with the opposite sign if a lower score is better.
        n_seeds: (M, K) number of seeds in the mean of ``scores``.
        tags: (C,) names.
        n_positive: (C,) number of test tracks with each tag.
        n_tracks: Number of test tracks.
        n_valid_tags: Number of tags that some, but not all, test tracks have.
        n_clusters: Number of clusters that the bootstrap resamples.
        tag_scores: Per-tag scores by model and condition.
        training_counts: (C,) number of training tracks with each tag; None if not counted.
        tails: Definitions of the hit rates on rare classes, see :mod:`benchmark.score.long_tail`.
        n_tail_tracks: (T,) number of test tracks with a rare class, for each entry of ``tails``.
        by_class: Hit rates and confusion matrices by model and clean condition.
        groups: Scores over groups of tags by model and condition, then by the name of the group:
            :data:`~benchmark.score.tag_groups.INVARIANT` or a category.
        shifts: Change of predictions from clean audio, by model and condition.
        tag_metrics: Names of the scores of a tag, in the order of `TagScores.value`.
        trained_tags: Tags that a model was trained on, for models that predict others too.
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
    tag_metrics: tuple[str, ...]
    trained_tags: Mapping[str, tuple[str, ...]]

    @property
    def primary(self) -> str:
        """Name of the score that ranks the models."""
        return self.metrics[0]

    @cached_property
    def protocol(self) -> str:
        """Protocol that the leaderboard describes: ``suite`` if it was evaluated."""
        perturbed = {condition.protocol for condition in self.conditions if not condition.clean}
        names = perturbed or {condition.protocol for condition in self.conditions}
        return min(names, key=lambda name: (name != SUITE, name in (CONTROLS, CUSTOM), name))

    def interval(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the 95 % interval along the last axis; NaN if there is only one cluster."""
        if self.n_clusters < 2:
            samples = samples[..., :1]
        return interval(samples)

    def clean(self, metric: str) -> np.ndarray:
        """Return the score (M, 1 + B) on clean audio, see :meth:`clean_condition`.

        Args:
            metric: One of ``metrics``.
        """
        at = self.metrics.index(metric)
        result = np.full(self.scores[:, 0, at].shape, np.nan)
        for m in range(len(self.models)):
            k = self.clean_condition(m)
            if k is not None:
                result[m] = self.scores[m, k, at]
        return result

    def clean_condition(self, model: int) -> int | None:
        """Return the position of a model's clean condition, preferably of the main protocol.

        Args:
            model: Position of the model.

        Returns:
            Position in ``conditions``; None if the model was not evaluated on clean audio.
        """
        positions = [
            k
            for k, condition in enumerate(self.conditions)
            if condition.clean and self.n_seeds[model, k]
        ]
        positions.sort(key=lambda k: self.conditions[k].protocol != self.protocol)
        return positions[0] if positions else None
