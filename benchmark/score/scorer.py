"""From stored predictions to scores under every bootstrap weighting."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from benchmark.score import consistency, metrics
from benchmark.score.bootstrap import TrackWeights, draw_weights, interval, seed_shares
from benchmark.score.bootstrap_scores import (
    TAG_METRICS,
    ByClass,
    Heard,
    Moved,
    Replicates,
    TagScores,
    metric_names,
)
from benchmark.score.long_tail import counts_of, hit_rate, tails_of
from benchmark.score.significance import tail_p
from benchmark.score.tag_groups import INVARIANT, GroupScores, TagFacts, macro
from benchmark.store.predictions import Evaluation, Predictions, load_predictions
from datamodules.common.errors import TagbenchError

Cells = Mapping[Heard, Mapping[int, Evaluation]]
"""The evaluations of one model, by condition and seed."""


def _index(evaluations: Sequence[Evaluation]) -> dict[str, dict[Heard, dict[int, Evaluation]]]:
    """Arrange evaluations by model, condition and seed; refuse what cannot be compared."""
    for fact in ("dataset", "task"):
        found = sorted({getattr(one, fact) for one in evaluations})
        if len(found) != 1:
            raise TagbenchError(
                f"A leaderboard is about one {fact}, got {', '.join(found) or 'no evaluation'}. "
                "Render each on its own."
            )
    table: dict[str, dict[Heard, dict[int, Evaluation]]] = {}
    for one in sorted(evaluations, key=lambda e: (e.model, e.seed, e.cell_id)):
        runs = table.setdefault(one.model, {}).setdefault(Heard.of(one), {})
        if one.seed in runs:
            raise TagbenchError(
                f"Two evaluations of {one.model!r} (seed {one.seed}) on {one.dataset} under "
                f"{one.perturbation}:{one.severity} ({one.protocol}): cells "
                f"{runs[one.seed].cell_id} and {one.cell_id}. They differ in preset, configuration "
                "or data; give one of them a results directory of its own."
            )
        runs[one.seed] = one
    return table


@dataclass(frozen=True)
class _Run:
    """One evaluation under all weights: macro (S, 1 + B), per tag (7, C, 1 + B); scores (N, C)."""

    macro: np.ndarray
    tags: np.ndarray
    by_class: ByClass | None
    scores: np.ndarray


Pair = tuple[_Run | None, _Run]
"""The same trained model on clean audio, where that was evaluated, and under a condition."""


class _Scorer:
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
        self.metrics = metric_names(first.task, len(self.stored.tags))
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

    def __call__(self, evaluation: Evaluation) -> _Run:
        stored = self._load(evaluation)
        packed, targets = self.weights.packed, stored.targets
        ranking = metrics.ranking_scores(stored.scores, targets, packed)
        if self.single:
            predicted = metrics.decide_singlelabel(stored.scores)
        else:
            predicted = metrics.decide_multilabel(stored.scores, targets)
        tags = np.concatenate([ranking, metrics.decision_scores(predicted, targets, packed)])
        means = dict(zip(TAG_METRICS, metrics.nan_mean(tags, axis=1), strict=True))
        if self.single:
            truth = targets.astype(bool)
            marked = {f"top{k}_accuracy": metrics.top_k(stored.scores, k) for k in metrics.TOP}
            marked["accuracy"] = predicted
            right = np.stack([(one & truth).any(axis=1) for one in marked.values()], axis=1)
            means |= dict(zip(marked, metrics.share_of(right, packed), strict=True))
            means["macro_f1"] = means["f1"]
        found = self.weights.trim(np.stack([means[name] for name in self.metrics]))
        return _Run(
            found if self.labelled else np.full_like(found, np.nan),
            self.weights.trim(tags),
            self._by_class(stored, predicted) if evaluation.severity == 0 else None,
            stored.scores,
        )

    def _by_class(self, stored: Predictions, predicted: np.ndarray) -> ByClass:
        """Look at the classes of clean audio one by one."""
        packed, targets = self.weights.packed, stored.targets
        tail = np.empty((len(self.tails), self.weights.n_boot + 1))
        for at, one in enumerate(self.tails):
            tail[at] = self.weights.trim(hit_rate(stored.scores, targets, one, packed))
        if not self.single:
            return ByClass(tail, np.zeros((0, len(stored.tags)), dtype=np.int64))
        return ByClass(tail, targets.T.astype(np.int64) @ predicted.astype(np.int64))

    def over_seeds(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Average over seeds, drawn anew in every replicate."""
        shares = seed_shares(len(parts), self.weights.n_boot, self.first.dataset, self.seed)
        total = np.zeros_like(parts[0])
        for share, part in zip(shares, parts, strict=True):
            total += share * part
        return total

    def tag_scores(self, tags: np.ndarray, drop: np.ndarray) -> TagScores:
        """Reduce tag scores (7, C, 1 + B) and ROC-AUC drops (C, 1 + B) to intervals."""
        low, high = self._interval(tags)
        return TagScores(tags[..., 0], low, high, np.stack([drop[:, 0], *self._interval(drop)]))

    def group_scores(self, pairs: Sequence[Pair], heard: Heard) -> dict[str, GroupScores]:
        """Score the groups of tags; a clean condition has no invariant one."""
        stable = None if heard.clean else self.facts.stable(self.stored.tags, heard.family)
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

    def moved(self, pairs: Sequence[Pair]) -> Moved | None:
        """Compare predictions with those on clean audio; None where there are none of these."""
        found = [
            consistency.of_tracks(ref.scores, run.scores, single=self.single)
            for ref, run in pairs
            if ref
        ]
        if not found:
            return None
        packed = self.weights.packed
        means = [self.weights.trim(metrics.weighted_mean(one, packed)) for one in found]
        samples = self.over_seeds(means)
        return Moved(samples[:, 0], *self._interval(samples))

    def _interval(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return interval(samples if self.weights.n_clusters > 1 else samples[..., :1])


@dataclass(frozen=True)
class _Score:
    """One model under one condition, averaged over seeds."""

    scores: np.ndarray
    drops: np.ndarray
    n_seeds: int
    tags: TagScores
    by_class: ByClass | None
    groups: dict[str, GroupScores]
    moved: Moved | None


def _score_model(cells: Cells, scorer: _Scorer) -> Callable[[Heard], _Score]:
    """Score a model on clean audio now, and return what scores it under one condition."""
    clean = {
        (heard, seed): scorer(one)
        for heard, runs in cells.items()
        if heard.clean
        for seed, one in runs.items()
    }

    def reference(heard: Heard, seed: int) -> _Run | None:
        """The same trained model on clean audio, of the same protocol where there is one."""
        found = [key for key in clean if key[1] == seed]
        found.sort(key=lambda key: (key[0].protocol != heard.protocol, key[0]))
        return clean[found[0]] if found else None

    def score(heard: Heard) -> _Score:
        runs = {
            seed: clean[heard, seed] if heard.clean else scorer(one)
            for seed, one in cells[heard].items()
        }
        scores = scorer.over_seeds([run.macro for run in runs.values()])
        tags = scorer.over_seeds([run.tags for run in runs.values()])
        pairs: list[Pair] = [(reference(heard, seed), run) for seed, run in runs.items()]
        lost = [(ref.macro - run.macro, ref.tags[0] - run.tags[0]) for ref, run in pairs if ref]
        if lost:
            drops, tag_drops = (scorer.over_seeds(parts) for parts in zip(*lost, strict=True))
        else:
            drops, tag_drops = np.full_like(scores, np.nan), np.full_like(tags[0], np.nan)
        known = [run.by_class for run in runs.values() if run.by_class]
        by_class = None
        if known:
            tail = scorer.over_seeds([one.tail for one in known])
            by_class = ByClass(tail, np.sum([one.confusion for one in known], axis=0))
        return _Score(
            scores,
            drops,
            len(runs),
            scorer.tag_scores(tags, tag_drops),
            by_class,
            scorer.group_scores(pairs, heard),
            None if heard.clean else scorer.moved(pairs),
        )

    return score


def replicate(
    evaluations: Sequence[Evaluation],
    *,
    n_boot: int,
    seed: int,
    training_counts: Mapping[str, int] | None = None,
    clusters: Mapping[str, str] | None = None,
    facts: TagFacts = TagFacts(),  # noqa: B008  frozen
    threads: int | None = None,
) -> Replicates:
    """Compute the scores of every evaluation under every bootstrap weighting.

    A model's score is the mean over its seeds; several seeds are resampled with the tracks, see
    :func:`benchmark.score.bootstrap.seed_shares`.

    Args:
        evaluations: Cells of one dataset on one split; at least one.
        n_boot: Number of replicates.
        seed: Seed of the resampling.
        training_counts: Training tracks by tag; without them no class is known to be rare.
        clusters: What each track is drawn with, by track id; by default what was stored.
        facts: Which tags a perturbation may change, and their categories.
        threads: Conditions scored at once; the result does not depend on it.

    Raises:
        TagbenchError: The cells are of several datasets, tasks or splits, or repeat each other.
    """
    table = _index(evaluations)
    first = min(evaluations, key=lambda one: one.cell_id)
    scorer = _Scorer(first, n_boot, seed, training_counts, clusters, facts)
    task = scorer.first.task
    heard = {condition for cells in table.values() for condition in cells}
    conditions = tuple(sorted(heard, key=lambda one: (not one.clean, one)))
    shape = (len(table), len(conditions), len(scorer.metrics), n_boot + 1)
    scores, drops = np.full(shape, np.nan), np.full(shape, np.nan)
    n_seeds = np.zeros(shape[:2], dtype=np.int64)
    tag_scores: dict[tuple[str, Heard], TagScores] = {}
    by_class: dict[tuple[str, Heard], ByClass] = {}
    groups: dict[tuple[str, Heard], dict[str, GroupScores]] = {}
    moved: dict[tuple[str, Heard], Moved] = {}
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        for m, (model, cells) in enumerate(table.items()):
            found = pool.map(_score_model(cells, scorer), cells)
            for condition, score in zip(cells, found, strict=True):
                k = conditions.index(condition)
                scores[m, k], drops[m, k] = score.scores, score.drops
                n_seeds[m, k] = score.n_seeds
                tag_scores[model, condition] = score.tags
                groups[model, condition] = score.groups
                if score.by_class:
                    by_class[model, condition] = score.by_class
                if score.moved:
                    moved[model, condition] = score.moved
    targets = scorer.stored.targets
    return Replicates(
        dataset=scorer.first.dataset,
        task=task,
        models=tuple(table),
        conditions=conditions,
        metrics=scorer.metrics,
        scores=scores,
        drops=drops,
        n_seeds=n_seeds,
        tags=tuple(str(tag) for tag in scorer.stored.tags),
        n_positive=targets.sum(axis=0, dtype=np.int64),
        n_tracks=len(targets),
        n_valid_tags=int(metrics.valid_tags(targets).sum()),
        n_clusters=scorer.weights.n_clusters,
        tag_scores=tag_scores,
        training_counts=scorer.counts,
        tails=scorer.tails,
        n_tail_tracks=tuple(int(targets[:, list(t.rare)].any(1).sum()) for t in scorer.tails),
        by_class=by_class,
        groups=groups,
        moved=moved,
    )
