"""Scores of stored predictions under every bootstrap weighting."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.perturbations import Condition
from benchmark.score import consistency, metrics
from benchmark.score.bootstrap import TrackWeights, draw_weights, interval, seed_shares
from benchmark.score.long_tail import counts_of, hit_rate, published_tails, tails_of
from benchmark.score.precision_recall import RECALLS, precision_at_recalls
from benchmark.score.score_types import (
    ClassScores,
    PredictionShift,
    TagScores,
)
from benchmark.score.significance import tail_p
from benchmark.score.tag_groups import INVARIANT, SEEN, UNSEEN, GroupScores, TagFacts, macro
from benchmark.store.predictions import Evaluation, Predictions, compared_predictions
from datamodules.common.errors import TagbenchError


@dataclass(frozen=True)
class Run:
    """Scores of one evaluation under every weighting.

    Attributes:
        macro: (S, 1 + B) macro scores.
        tags: (M, C, 1 + B) scores of each tag.
        by_class: Scores by class; None unless the condition is clean.
        scores: (N, C) stored probabilities.
        trained_tags: See `Evaluation`.
    """

    macro: np.ndarray
    tags: np.ndarray
    by_class: ClassScores | None
    scores: np.ndarray
    trained_tags: Collection[str] | None


Pair = tuple[Run | None, Run]
"""Runs of the same trained model on clean audio (None if not evaluated) and under a condition."""


class Scorer:
    """Scores the evaluations of one dataset with the same bootstrap weights.

    Args:
        first: Evaluation whose tracks, tags and labels every other one must have.
        n_boot: Number of replicates.
        seed: Seed of the resampling.
        training: Number of training tracks by tag; None if not counted.
        clusters: Cluster of each track by track id; None for those stored with the predictions.
        facts: Tags that a perturbation may change, and the categories of tags.
        extra_metrics: See :func:`benchmark.score.metrics.task_metrics`.

    Raises:
        TagbenchError: The predictions of ``first`` cannot be read, a track has no cluster, or a
            single-label track does not have exactly one class.
    """

    def __init__(
        self,
        first: Evaluation,
        n_boot: int,
        seed: int,
        training: Mapping[str, int] | None,
        clusters: Mapping[str, str] | None,
        facts: TagFacts,
        extra_metrics: Collection[str] = (),
    ) -> None:
        self.first, self.seed, self.facts = first, seed, facts
        self.stored = compared_predictions(first)
        self.metrics = metrics.task_metrics(first.task, len(self.stored.tags), extra_metrics)
        self.tag_metrics = metrics.tag_metrics(extra_metrics)
        better = [metric.higher_is_better for metric in self.metrics]
        self.higher_is_better = np.array(better)[:, None]
        self.counts = None if training is None else counts_of(self.stored.tags, training)
        tags = [str(tag) for tag in self.stored.tags]
        self.tails = published_tails(first.dataset, tags)
        if self.counts is not None:
            self.tails = (*tails_of(self.counts), *self.tails)
        units = self.stored.clusters if clusters is None else self._units(clusters)
        self.weights: TrackWeights = draw_weights(units, n_boot, first.dataset, seed)
        self.members = facts.members(self.stored.tags)
        self.single = first.task == "singlelabel"
        self.labelled = bool(self.stored.targets.any())
        if self.single and self.labelled and not (self.stored.targets.sum(axis=1) == 1).all():
            raise TagbenchError(
                f"{first.predictions}: a single-label track must have exactly one class. "
                "Declare the dataset as multilabel, or correct its labels."
            )

    def _units(self, clusters: Mapping[str, str]) -> np.ndarray:
        """Return the clusters of the stored tracks (N,)."""
        missing = [str(track) for track in self.stored.track_ids if str(track) not in clusters]
        if missing:
            raise TagbenchError(
                f"{self.first.predictions}: {len(missing)} tracks have no cluster in the record "
                f"of the sweep, such as {missing[0]!r}. Run the benchmark again."
            )
        return np.array([clusters[str(track)] for track in self.stored.track_ids])

    def _load(self, evaluation: Evaluation) -> Predictions:
        """Read predictions and check that their tracks, tags and labels equal the first ones."""
        stored = compared_predictions(evaluation)
        for name in ("track_ids", "tags", "targets", "clusters"):
            if not np.array_equal(getattr(stored, name), getattr(self.stored, name)):
                raise TagbenchError(
                    f"{name} differ between {self.first.predictions} ({self.first.model}) and "
                    f"{evaluation.predictions} ({evaluation.model}): scores on different splits "
                    "cannot share a leaderboard. Render each split on its own."
                )
        return stored

    def __call__(self, evaluation: Evaluation) -> Run:
        """Score one evaluation under every weighting.

        Raises:
            TagbenchError: The predictions cannot be read, or their tracks, tags, labels or clusters
                differ from those of the first evaluation.
        """
        stored = self._load(evaluation)
        sample = metrics.Sample(
            stored.scores, stored.targets, self.weights.packed, self.single, stored.extra
        )
        tags = np.stack([metrics.all_metrics()[m].compute(sample) for m in self.tag_metrics])
        values = [metric.compute(sample) for metric in self.metrics]
        macro = np.stack([metrics.nan_mean(v, axis=0) if v.ndim == 2 else v for v in values])
        macro = self.weights.trim(macro)
        return Run(
            macro if self.labelled else np.full_like(macro, np.nan),
            self.weights.trim(tags),
            self._class_scores(sample) if evaluation.condition.clean else None,
            stored.scores,
            evaluation.trained_tags,
        )

    def _class_scores(self, sample: metrics.Sample) -> ClassScores:
        """Return the hit rates on rare classes, the confusion matrix and the curve."""
        tail = np.empty((len(self.tails), self.weights.n_boot + 1))
        for at, rare in enumerate(self.tails):
            rates = hit_rate(sample.scores, sample.targets, rare, sample.packed)
            tail[at] = self.weights.trim(rates)
        if not self.single:
            none = np.zeros((0, len(self.stored.tags)), dtype=np.int64)
            return ClassScores(tail, none, np.full(len(RECALLS), np.nan))
        confusion = sample.targets.T.astype(np.int64) @ sample.predicted.astype(np.int64)
        return ClassScores(tail, confusion, precision_at_recalls(sample.scores, sample.targets))

    def drop(self, clean: np.ndarray, perturbed: np.ndarray) -> np.ndarray:
        """Return the drop of macro scores (S, 1 + B) from clean audio, positive for a loss."""
        return np.where(self.higher_is_better, clean - perturbed, perturbed - clean)

    def over_seeds(self, per_seed: Sequence[np.ndarray]) -> np.ndarray:
        """Average arrays (..., 1 + B), one per seed; every replicate resamples the seeds."""
        shares = seed_shares(len(per_seed), self.weights.n_boot, self.first.dataset, self.seed)
        total = np.zeros_like(per_seed[0])
        for share, values in zip(shares, per_seed, strict=True):
            total += share * values
        return total

    def tag_scores(self, tags: np.ndarray, drop: np.ndarray) -> TagScores:
        """Reduce tag scores (M, C, 1 + B) and ROC-AUC drops (C, 1 + B) to intervals."""
        low, high = self._interval(tags)
        return TagScores(tags[..., 0], low, high, np.stack([drop[:, 0], *self._interval(drop)]))

    def group_scores(self, pairs: Sequence[Pair], condition: Condition) -> dict[str, GroupScores]:
        """Score the groups of tags by name.

        A clean condition has no invariant group, and only a model that was trained on some of the
        tags has groups of seen and unseen tags.
        """
        trained_tags = pairs[0][1].trained_tags
        stable = None if condition.clean else self.facts.stable(self.stored.tags, condition.family)
        groups = self.members if stable is None else {INVARIANT: stable, **self.members}
        if trained_tags is not None:
            seen = np.array([str(tag) in trained_tags for tag in self.stored.tags])
            parts = {SEEN: np.flatnonzero(seen), UNSEEN: np.flatnonzero(~seen)}
            groups = {**groups, **parts}
        valid = metrics.valid_tags(self.stored.targets)
        scores = {}
        for name, columns in groups.items():
            value = self.over_seeds([macro(run.tags, columns) for _, run in pairs])
            losses = [
                macro(ref.tags, columns) - macro(run.tags, columns) for ref, run in pairs if ref
            ]
            drop = self.over_seeds(losses) if losses else np.full_like(value, np.nan)
            scores[name] = GroupScores(
                int(valid[columns].sum()),
                value[:, 0],
                *self._interval(value),
                drop[:, 0],
                *self._interval(drop),
                tail_p(drop, self.weights.n_clusters),
            )
        return scores

    def shift(self, pairs: Sequence[Pair]) -> PredictionShift | None:
        """Compare predictions with those on clean audio; None if no clean run exists."""
        changes = [
            consistency.track_consistency(ref.scores, run.scores, single=self.single)
            for ref, run in pairs
            if ref
        ]
        if not changes:
            return None
        packed = self.weights.packed
        means = [self.weights.trim(metrics.weighted_mean(change, packed)) for change in changes]
        samples = self.over_seeds(means)
        return PredictionShift(samples[:, 0], *self._interval(samples))

    def _interval(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the interval of samples (..., 1 + B); NaN if there is only one cluster."""
        return interval(samples if self.weights.n_clusters > 1 else samples[..., :1])
