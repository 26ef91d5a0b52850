"""From stored predictions to scores under every bootstrap weighting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.perturbations import Condition
from benchmark.score import consistency, metrics
from benchmark.score.bootstrap import TrackWeights, draw_weights, interval, seed_shares
from benchmark.score.long_tail import counts_of, hit_rate, tails_of
from benchmark.score.score_types import (
    ClassScores,
    PredictionShift,
    TagScores,
)
from benchmark.score.significance import tail_p
from benchmark.score.tag_groups import INVARIANT, GroupScores, TagFacts, macro
from benchmark.store.predictions import Evaluation, Predictions, load_predictions
from datamodules.common.errors import TagbenchError


@dataclass(frozen=True)
class Run:
    """One evaluation under all weights: macro (S, 1 + B), per tag (M, C, 1 + B); scores (N, C)."""

    macro: np.ndarray
    tags: np.ndarray
    by_class: ClassScores | None
    scores: np.ndarray


Pair = tuple[Run | None, Run]
"""The same trained model on clean audio, where that was evaluated, and under a condition."""


class Scorer:
    """Scores stored files under the weights of one dataset, checking that the tracks agree."""

    def __init__(
        self,
        first: Evaluation,
        n_boot: int,
        seed: int,
        training: Mapping[str, int] | None,
        clusters: Mapping[str, str] | None,
        facts: TagFacts,
    ) -> None:
        self.first, self.seed, self.facts = first, seed, facts
        self.stored = load_predictions(first.predictions)
        self.metrics = metrics.task_metrics(first.task, len(self.stored.tags))
        better = [metric.higher_is_better for metric in self.metrics]
        self.higher_is_better = np.array(better)[:, None]
        self.counts = None if training is None else counts_of(self.stored.tags, training)
        self.tails = () if self.counts is None else tails_of(self.counts)
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
        stored = load_predictions(evaluation.predictions)
        for name in ("track_ids", "tags", "targets", "clusters"):
            if not np.array_equal(getattr(stored, name), getattr(self.stored, name)):
                raise TagbenchError(
                    f"{name} differ between {self.first.predictions} ({self.first.model}) and "
                    f"{evaluation.predictions} ({evaluation.model}): scores on different splits "
                    "cannot share a leaderboard. Render each split on its own."
                )
        return stored

    def __call__(self, evaluation: Evaluation) -> Run:
        """Score one evaluation under every weighting."""
        stored = self._load(evaluation)
        sample = metrics.Sample(stored.scores, stored.targets, self.weights.packed, self.single)
        tags = np.stack([metrics.all_metrics()[m].compute(sample) for m in metrics.tag_metrics()])
        values = [metric.compute(sample) for metric in self.metrics]
        macro = np.stack([metrics.nan_mean(v, axis=0) if v.ndim == 2 else v for v in values])
        macro = self.weights.trim(macro)
        return Run(
            macro if self.labelled else np.full_like(macro, np.nan),
            self.weights.trim(tags),
            self._class_scores(sample) if evaluation.condition.clean else None,
            stored.scores,
        )

    def _class_scores(self, sample: metrics.Sample) -> ClassScores:
        """Return hit rates on rare classes and the confusions of classes."""
        tail = np.empty((len(self.tails), self.weights.n_boot + 1))
        for at, question in enumerate(self.tails):
            rates = hit_rate(sample.scores, sample.targets, question, sample.packed)
            tail[at] = self.weights.trim(rates)
        if not self.single:
            return ClassScores(tail, np.zeros((0, len(self.stored.tags)), dtype=np.int64))
        confusion = sample.targets.T.astype(np.int64) @ sample.predicted.astype(np.int64)
        return ClassScores(tail, confusion)

    def drop(self, clean: np.ndarray, perturbed: np.ndarray) -> np.ndarray:
        """Return the loss of quality of macro scores (S, 1 + B) against those on clean audio."""
        return np.where(self.higher_is_better, clean - perturbed, perturbed - clean)

    def over_seeds(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Average over seeds, drawn anew in every replicate."""
        shares = seed_shares(len(parts), self.weights.n_boot, self.first.dataset, self.seed)
        total = np.zeros_like(parts[0])
        for share, part in zip(shares, parts, strict=True):
            total += share * part
        return total

    def tag_scores(self, tags: np.ndarray, drop: np.ndarray) -> TagScores:
        """Reduce tag scores (M, C, 1 + B) and ROC-AUC drops (C, 1 + B) to intervals."""
        low, high = self._interval(tags)
        return TagScores(tags[..., 0], low, high, np.stack([drop[:, 0], *self._interval(drop)]))

    def group_scores(self, pairs: Sequence[Pair], condition: Condition) -> dict[str, GroupScores]:
        """Score the groups of tags; a clean condition has no invariant one."""
        stable = None if condition.clean else self.facts.stable(self.stored.tags, condition.family)
        groups = self.members if stable is None else {INVARIANT: stable, **self.members}
        valid = metrics.valid_tags(self.stored.targets)
        found = {}
        for name, columns in groups.items():
            value = self.over_seeds([macro(run.tags, columns) for _, run in pairs])
            lost = [
                macro(ref.tags, columns) - macro(run.tags, columns) for ref, run in pairs if ref
            ]
            drop = self.over_seeds(lost) if lost else np.full_like(value, np.nan)
            found[name] = GroupScores(
                int(valid[columns].sum()),
                value[:, 0],
                *self._interval(value),
                drop[:, 0],
                *self._interval(drop),
                tail_p(drop, self.weights.n_clusters),
            )
        return found

    def shift(self, pairs: Sequence[Pair]) -> PredictionShift | None:
        """Compare predictions with those on clean audio; None where there are none of these."""
        found = [
            consistency.track_consistency(ref.scores, run.scores, single=self.single)
            for ref, run in pairs
            if ref
        ]
        if not found:
            return None
        packed = self.weights.packed
        means = [self.weights.trim(metrics.weighted_mean(one, packed)) for one in found]
        samples = self.over_seeds(means)
        return PredictionShift(samples[:, 0], *self._interval(samples))

    def _interval(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return interval(samples if self.weights.n_clusters > 1 else samples[..., :1])
