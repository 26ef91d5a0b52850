"""Compute every table of a dataset from stored predictions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from benchmark.config.compared_tags import ComparedTags
from benchmark.config.trained_on import TrainedOn
from benchmark.score.bootstrap_scores import bootstrap_scores
from benchmark.score.tables.schema import TableInputs, all_tables
from benchmark.score.tag_groups import TagFacts
from benchmark.store.predictions import CellFailure, Evaluation, load_predictions
from benchmark.store.tables import Tables
from datamodules.common.errors import TagbenchError

BASELINE = "fcn"
"""Model that mCE is relative to: the oldest network of the field's comparison (Choi 2016)."""


def build_tables(
    evaluations: Sequence[Evaluation],
    failures: Sequence[CellFailure] = (),
    *,
    n_boot: int = 1000,
    seed: int = 0,
    baseline: str = BASELINE,
    training_counts: Mapping[str, int] | None = None,
    facts: TagFacts = TagFacts(),  # noqa: B008  frozen
    clusters: Mapping[str, str] | None = None,
    extra_metrics: Collection[str] = (),
    trained_on: Mapping[str, TrainedOn] = MappingProxyType({}),
    compared: ComparedTags | None = None,
    without_audio: frozenset[str] = frozenset(),
    threads: int | None = None,
) -> Tables:
    """Compute every table of one dataset.

    Values of missing cells are blank. Predictions that cannot be read are failures of ``score``.

    Args:
        evaluations: Finished cells of one dataset on one split.
        failures: Cells that did not finish; their models are listed even without a score.
        n_boot: Bootstrap replicates behind each interval.
        seed: Seed of the resampling.
        baseline: Model that mCE is relative to; the columns are blank without it.
        training_counts: Number of training tracks by tag; without it ``long_tail.csv`` has no rows.
        facts: Tags that a perturbation may change, and the categories of tags.
        clusters: Cluster of each track in the bootstrap, by track id; by default the clusters
            stored with the predictions.
        extra_metrics: See :func:`benchmark.score.metrics.task_metrics`.
        trained_on: See :func:`benchmark.config.trained_on.trained_on`; without it
            ``robust_training.csv`` has no rows.
        compared: Tags that the models are compared on; None without imported models.
        without_audio: Models whose input is not audio, which have no perturbed conditions.
        threads: Number of conditions scored concurrently; the result does not depend on it.

    Raises:
        TagbenchError: The cells belong to several datasets, tasks or splits, or two cells have the
            same model, seed and condition.
    """
    usable, broken = _readable(evaluations)
    failed, scores = [*failures, *broken], None
    if usable:
        scores = bootstrap_scores(
            usable, n_boot=n_boot, seed=seed, training_counts=training_counts, clusters=clusters,
            facts=facts, extra_metrics=extra_metrics, threads=threads)  # fmt: skip
    facts_of_models = (trained_on, compared, without_audio)
    inputs = TableInputs(scores, usable, failed, baseline, n_boot, seed, *facts_of_models)
    return _tables(inputs, {evaluation.task for evaluation in evaluations})


def _tables(inputs: TableInputs, tasks: Collection[str]) -> Tables:
    """Build every table that a module of this package declares."""
    scores = inputs.scores
    datasets = [scores.dataset] if scores else sorted({f.dataset for f in inputs.failures})
    specs = all_tables()
    return Tables(
        dataset=(datasets or [""])[0],
        task=scores.task if scores else (sorted(tasks) or ["multilabel"])[0],
        schemas=specs,
        content={name: spec.frame(inputs) for name, spec in specs.items()},
        optional=frozenset(name for name, spec in specs.items() if spec.optional),
    )


def _readable(
    evaluations: Sequence[Evaluation],
) -> tuple[list[Evaluation], list[CellFailure]]:
    """Split evaluations into readable ones and failures to read finite predictions."""
    usable, broken = [], []
    for evaluation in evaluations:
        try:
            load_predictions(evaluation.predictions)
        except TagbenchError as error:
            broken.append(
                CellFailure(
                    dataset=evaluation.dataset,
                    model=evaluation.model,
                    seed=evaluation.seed,
                    perturbation=evaluation.condition.perturbation,
                    level=evaluation.condition.level,
                    stage="score",
                    error=str(error),
                    cell_id=evaluation.cell_id,
                )
            )
        else:
            usable.append(evaluation)
    return usable, broken
