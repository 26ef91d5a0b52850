"""Scores of every model under every condition and bootstrap weighting."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from benchmark.perturbations import Condition
from benchmark.score import metrics
from benchmark.score.score_types import BootstrapScores, ClassScores, PredictionShift, TagScores
from benchmark.score.scorer import Pair, Run, Scorer
from benchmark.score.tag_groups import GroupScores, TagFacts
from benchmark.store.predictions import Evaluation
from datamodules.common.cpus import usable_cpus
from datamodules.common.errors import TagbenchError

Cells = Mapping[Condition, Mapping[int, Evaluation]]
"""The evaluations of one model, by condition and seed."""


def _index(evaluations: Sequence[Evaluation]) -> dict[str, dict[Condition, dict[int, Evaluation]]]:
    """Arrange evaluations by model, condition and seed.

    Raises:
        TagbenchError: The evaluations belong to several datasets or tasks, or two have the same
            model, condition and seed.
    """
    for fact in ("dataset", "task"):
        values = sorted({getattr(evaluation, fact) for evaluation in evaluations})
        if len(values) != 1:
            raise TagbenchError(
                f"The evaluations of a leaderboard must share one {fact}, got "
                f"{', '.join(values) or 'no evaluation'}. Render each {fact} separately."
            )
    table: dict[str, dict[Condition, dict[int, Evaluation]]] = {}
    for evaluation in sorted(evaluations, key=lambda e: (e.model, e.seed, e.cell_id)):
        model, seed, condition = evaluation.model, evaluation.seed, evaluation.condition
        runs = table.setdefault(model, {}).setdefault(condition, {})
        if seed in runs:
            raise TagbenchError(
                f"Two evaluations of {model!r} (seed {seed}) on {evaluation.dataset} under "
                f"{condition.label} ({condition.protocol}): cells "
                f"{runs[seed].cell_id} and {evaluation.cell_id}. They differ in preset, "
                "configuration or data; give one of them a results directory of its own."
            )
        runs[seed] = evaluation
    return table


@dataclass(frozen=True)
class _Score:
    """Scores of one model under one condition, averaged over seeds."""

    scores: np.ndarray
    drops: np.ndarray
    n_seeds: int
    tags: TagScores
    by_class: ClassScores | None
    groups: dict[str, GroupScores]
    shift: PredictionShift | None


def _score_model(cells: Cells, scorer: Scorer) -> Callable[[Condition], _Score]:
    """Score a model on clean audio, and return a function that scores it under a condition."""
    clean = {
        (condition, seed): scorer(evaluation)
        for condition, runs in cells.items()
        if condition.clean
        for seed, evaluation in runs.items()
    }

    def reference(condition: Condition, seed: int) -> Run | None:
        """Return the run of a seed on clean audio, preferably of the condition's protocol."""
        keys = [key for key in clean if key[1] == seed]
        keys.sort(key=lambda key: (key[0].protocol != condition.protocol, key[0].order))
        return clean[keys[0]] if keys else None

    def score(condition: Condition) -> _Score:
        runs = {
            seed: clean[condition, seed] if condition.clean else scorer(evaluation)
            for seed, evaluation in cells[condition].items()
        }
        scores = scorer.over_seeds([run.macro for run in runs.values()])
        tags = scorer.over_seeds([run.tags for run in runs.values()])
        pairs: list[Pair] = [(reference(condition, seed), run) for seed, run in runs.items()]
        losses = [
            (scorer.drop(ref.macro, run.macro), ref.tags[0] - run.tags[0])
            for ref, run in pairs
            if ref
        ]
        if losses:
            drops, tag_drops = (scorer.over_seeds(parts) for parts in zip(*losses, strict=True))
        else:
            drops, tag_drops = np.full_like(scores, np.nan), np.full_like(tags[0], np.nan)
        per_seed = [run.by_class for run in runs.values() if run.by_class]
        by_class = None
        if per_seed:
            tail = scorer.over_seeds([of_seed.tail for of_seed in per_seed])
            confusion = np.sum([of_seed.confusion for of_seed in per_seed], axis=0)
            precision = np.mean([of_seed.precision for of_seed in per_seed], axis=0)
            by_class = ClassScores(tail, confusion, precision)
        return _Score(
            scores,
            drops,
            len(runs),
            scorer.tag_scores(tags, tag_drops),
            by_class,
            scorer.group_scores(pairs, condition),
            None if condition.clean else scorer.shift(pairs),
        )

    return score


def bootstrap_scores(
    evaluations: Sequence[Evaluation],
    *,
    n_boot: int,
    seed: int,
    training_counts: Mapping[str, int] | None = None,
    clusters: Mapping[str, str] | None = None,
    facts: TagFacts = TagFacts(),  # noqa: B008  frozen
    extra_metrics: Collection[str] = (),
    threads: int | None = None,
) -> BootstrapScores:
    """Compute the scores of every evaluation under every bootstrap weighting.

    A model's score is the mean over its seeds; several seeds are resampled together with the
    tracks, see :func:`benchmark.score.bootstrap.seed_shares`.

    Args:
        evaluations: Cells of one dataset on one split; at least one.
        n_boot: Number of replicates.
        seed: Seed of the resampling.
        training_counts: Number of training tracks by tag; without it no class counts as rare.
        clusters: Cluster of each track by track id; by default the clusters in the predictions.
        facts: Tags that a perturbation may change, and the categories of tags.
        extra_metrics: See :func:`benchmark.score.metrics.task_metrics`.
        threads: Number of conditions scored concurrently; the result does not depend on it.

    Raises:
        TagbenchError: The cells belong to several datasets, tasks or splits, or two cells have the
            same model, seed and condition.
    """
    table = _index(evaluations)
    first = min(evaluations, key=lambda evaluation: evaluation.cell_id)
    scorer = Scorer(first, n_boot, seed, training_counts, clusters, facts, extra_metrics)
    cell_scores: dict[tuple[str, Condition], _Score] = {}
    with ThreadPoolExecutor(threads or usable_cpus()) as pool:
        for model, cells in table.items():
            scores = pool.map(_score_model(cells, scorer), cells)
            cell_scores |= {(model, k): score for k, score in zip(cells, scores, strict=True)}
    trained = {e.model: e.trained_tags for e in evaluations if e.trained_tags is not None}
    return _collect(tuple(table), cell_scores, scorer, trained)


def _collect(
    models: tuple[str, ...],
    cell_scores: Mapping[tuple[str, Condition], _Score],
    scorer: Scorer,
    trained: Mapping[str, tuple[str, ...]],
) -> BootstrapScores:
    """Arrange the scores of models under conditions as arrays over both."""
    unique = {condition for _, condition in cell_scores}
    conditions = tuple(sorted(unique, key=lambda condition: (not condition.clean, condition.order)))
    shape = (len(models), len(conditions), len(scorer.metrics), scorer.weights.n_boot + 1)
    scores, drops = np.full(shape, np.nan), np.full(shape, np.nan)
    n_seeds = np.zeros(shape[:2], dtype=np.int64)
    for (model, condition), score in cell_scores.items():
        at = models.index(model), conditions.index(condition)
        scores[at], drops[at], n_seeds[at] = score.scores, score.drops, score.n_seeds
    targets = scorer.stored.targets
    return BootstrapScores(
        dataset=scorer.first.dataset,
        task=scorer.first.task,
        models=models,
        conditions=conditions,
        metrics=tuple(metric.name for metric in scorer.metrics),
        scores=scores,
        drops=drops,
        n_seeds=n_seeds,
        tags=tuple(str(tag) for tag in scorer.stored.tags),
        n_positive=targets.sum(axis=0, dtype=np.int64),
        n_tracks=len(targets),
        n_valid_tags=int(metrics.valid_tags(targets).sum()),
        n_clusters=scorer.weights.n_clusters,
        tag_scores={key: score.tags for key, score in cell_scores.items()},
        training_counts=scorer.counts,
        tails=scorer.tails,
        n_tail_tracks=tuple(int(targets[:, list(t.rare)].any(1).sum()) for t in scorer.tails),
        by_class={key: score.by_class for key, score in cell_scores.items() if score.by_class},
        groups={key: score.groups for key, score in cell_scores.items()},
        shifts={key: score.shift for key, score in cell_scores.items() if score.shift},
        tag_metrics=scorer.tag_metrics,
        trained_tags=trained,
    )
