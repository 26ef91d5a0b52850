"""Scores of every model under every condition and bootstrap weighting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    """Arrange evaluations by model, condition and seed; refuse what cannot be compared."""
    for fact in ("dataset", "task"):
        found = sorted({getattr(one, fact) for one in evaluations})
        if len(found) != 1:
            raise TagbenchError(
                f"A leaderboard is about one {fact}, got {', '.join(found) or 'no evaluation'}. "
                "Render each on its own."
            )
    table: dict[str, dict[Condition, dict[int, Evaluation]]] = {}
    for one in sorted(evaluations, key=lambda e: (e.model, e.seed, e.cell_id)):
        runs = table.setdefault(one.model, {}).setdefault(one.condition, {})
        if one.seed in runs:
            raise TagbenchError(
                f"Two evaluations of {one.model!r} (seed {one.seed}) on {one.dataset} under "
                f"{one.condition.label} ({one.condition.protocol}): cells "
                f"{runs[one.seed].cell_id} and {one.cell_id}. They differ in preset, configuration "
                "or data; give one of them a results directory of its own."
            )
        runs[one.seed] = one
    return table


@dataclass(frozen=True)
class _Score:
    """One model under one condition, averaged over seeds."""

    scores: np.ndarray
    drops: np.ndarray
    n_seeds: int
    tags: TagScores
    by_class: ClassScores | None
    groups: dict[str, GroupScores]
    shift: PredictionShift | None


def _score_model(cells: Cells, scorer: Scorer) -> Callable[[Condition], _Score]:
    """Score a model on clean audio now, and return what scores it under one condition."""
    clean = {
        (condition, seed): scorer(one)
        for condition, runs in cells.items()
        if condition.clean
        for seed, one in runs.items()
    }

    def reference(condition: Condition, seed: int) -> Run | None:
        """The same trained model on clean audio, of the same protocol where there is one."""
        found = [key for key in clean if key[1] == seed]
        found.sort(key=lambda key: (key[0].protocol != condition.protocol, key[0].order))
        return clean[found[0]] if found else None

    def score(condition: Condition) -> _Score:
        runs = {
            seed: clean[condition, seed] if condition.clean else scorer(one)
            for seed, one in cells[condition].items()
        }
        scores = scorer.over_seeds([run.macro for run in runs.values()])
        tags = scorer.over_seeds([run.tags for run in runs.values()])
        pairs: list[Pair] = [(reference(condition, seed), run) for seed, run in runs.items()]
        lost = [
            (scorer.drop(ref.macro, run.macro), ref.tags[0] - run.tags[0])
            for ref, run in pairs
            if ref
        ]
        if lost:
            drops, tag_drops = (scorer.over_seeds(parts) for parts in zip(*lost, strict=True))
        else:
            drops, tag_drops = np.full_like(scores, np.nan), np.full_like(tags[0], np.nan)
        known = [run.by_class for run in runs.values() if run.by_class]
        by_class = None
        if known:
            tail = scorer.over_seeds([one.tail for one in known])
            by_class = ClassScores(tail, np.sum([one.confusion for one in known], axis=0))
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
    threads: int | None = None,
) -> BootstrapScores:
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
    scorer = Scorer(first, n_boot, seed, training_counts, clusters, facts)
    found: dict[tuple[str, Condition], _Score] = {}
    with ThreadPoolExecutor(threads or usable_cpus()) as pool:
        for model, cells in table.items():
            scores = pool.map(_score_model(cells, scorer), cells)
            found |= {(model, k): score for k, score in zip(cells, scores, strict=True)}
    return _collect(tuple(table), found, scorer)


def _collect(
    models: tuple[str, ...], found: Mapping[tuple[str, Condition], _Score], scorer: Scorer
) -> BootstrapScores:
    """Arrange the scores of models under conditions as arrays over both."""
    unique = {condition for _, condition in found}
    conditions = tuple(sorted(unique, key=lambda one: (not one.clean, one.order)))
    shape = (len(models), len(conditions), len(scorer.metrics), scorer.weights.n_boot + 1)
    scores, drops = np.full(shape, np.nan), np.full(shape, np.nan)
    n_seeds = np.zeros(shape[:2], dtype=np.int64)
    for (model, condition), score in found.items():
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
        tag_scores={key: score.tags for key, score in found.items()},
        training_counts=scorer.counts,
        tails=scorer.tails,
        n_tail_tracks=tuple(int(targets[:, list(t.rare)].any(1).sum()) for t in scorer.tails),
        by_class={key: score.by_class for key, score in found.items() if score.by_class},
        groups={key: score.groups for key, score in found.items()},
        shifts={key: score.shift for key, score in found.items() if score.shift},
    )
