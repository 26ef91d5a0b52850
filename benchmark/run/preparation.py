"""Prepare the datasets of a matrix, plan their cells and write their run records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape

from benchmark.config.datasets import ResolvedDataset
from benchmark.config.imported import ImportedModel
from benchmark.config.models import AnyModel, ResolvedModel
from benchmark.config.schema import DatasetFile, Preset
from benchmark.config.targets import resolve_target
from benchmark.experiment_files import find, load
from benchmark.plan.build import build
from benchmark.plan.estimate import estimate
from benchmark.plan.matrix import Experiment
from benchmark.plan.models import (
    check_augmentations,
    check_predicts,
    imported_model,
    imported_parents,
    with_parents,
)
from benchmark.plan.trainings import Source
from benchmark.predict.audio_cache import size_of
from benchmark.run.options import Options, Planned
from benchmark.run.progress_bar import ProgressBar
from benchmark.score.metrics import check_metrics
from benchmark.store import run_record
from benchmark.store.cell_kinds import SINGLE_CLIPS
from benchmark.store.plans import Plan
from benchmark.store.store import Store
from datamodules.common.cpus import usable_cpus
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import SPLITS, UNLABELLED
from datamodules.labels.targets.fitted import fitted_targets
from datamodules.views.build import build_view


def resolve_models(experiment: Experiment) -> list[ResolvedModel]:
    """Import every architecture of a matrix."""
    models = [ResolvedModel.of(name, file) for name, file in experiment.models.items()]
    check_predicts(models)
    check_augmentations(models)
    return models


def resolve_checkpoints(experiment: Experiment) -> list[ImportedModel]:
    """Read every imported model of a matrix."""
    return [imported_model(name, folder) for name, folder in experiment.checkpoints.items()]


def resolve_dataset(experiment: Experiment, name: str, options: Options) -> ResolvedDataset:
    """Import a dataset of a matrix."""
    preset, settings = experiment.presets[name]
    check_metrics(settings.metrics, f"preset {preset!r}, metrics")
    return ResolvedDataset.of(name, experiment.datasets[name], options.dataset_params)


def resolve_sources(
    experiment: Experiment, models: Sequence[ResolvedModel]
) -> dict[str, ResolvedDataset]:
    """Import every dataset that a stage reads beside a labelled one, by name."""
    names = {
        name: None
        for model in with_parents(models)
        if model.stage is not None
        for dataset, file in experiment.datasets.items()
        for name in model.stage.sources(dataset, file.pool).values()
    }
    return {
        name: ResolvedDataset.of(Path(name).stem, load(find("datasets", name), DatasetFile), {})
        for name in names
    }


def prepare_sources(
    experiment: Experiment, models: Sequence[ResolvedModel], options: Options, console: Console
) -> dict[str, Source]:
    """Prepare every dataset that a stage reads beside a labelled one."""
    datasets = resolve_sources(experiment, models)
    return {name: Source(d, prepare(d, options, console)) for name, d in datasets.items()}


def prepare(dataset: ResolvedDataset, options: Options, console: Console) -> Corpus:
    """Prepare a corpus, or open it if it is prepared, and print its summary."""
    module = dataset.module(options.data_root, workers=options.workers or usable_cpus())
    module.progress = ProgressBar(console)
    module.prepare_data()
    console.print(corpus_summary(dataset.name, module.corpus), highlight=False)
    return module.corpus


def corpus_summary(name: str, corpus: Corpus) -> str:
    """Return a line with the numbers of tracks, tags and rejected files of a corpus."""
    shown = [*SPLITS, *([UNLABELLED] if len(corpus.rows(UNLABELLED)) else [])]
    counts = ", ".join(f"{len(corpus.rows(split)):,} {split}" for split in shown)
    rejected = int(corpus.info.get("rejected", 0))
    summary = f"[bold]{name}[/]: {counts} tracks, {len(corpus.tags)} tags"
    if rejected:
        summary += f", [yellow]{rejected} rejected[/] ({corpus.root / 'rejected.csv'})"
    return summary


def plan_dataset(
    experiment: Experiment,
    dataset: ResolvedDataset,
    corpus: Corpus,
    models: Sequence[ResolvedModel],
    imported: Sequence[ImportedModel],
    store: Store,
    devices: Sequence[str],
    threads: int,
    console: Console,
    sources: Mapping[str, Source] = MappingProxyType({}),
    processes: int = 1,
) -> Planned:
    """Expand one dataset's matrix, write its plan and its record, and estimate the work.

    Args:
        experiment: Checked matrix.
        dataset: Dataset of the matrix.
        corpus: Prepared corpus of the dataset.
        models: Architectures to train.
        imported: Imported models.
        store: Results folder.
        devices: Devices that run the cells.
        threads: CPU threads of one job.
        console: Console for messages.
        sources: Other datasets that stages read, by name.
        processes: Number of processes that train a model together.
    """
    plan = build(experiment, dataset, corpus, models, imported, devices[0], sources, processes)
    store.register_plan(plan)
    preset = experiment.presets[dataset.name][1]
    every_model: list[AnyModel] = [*with_parents(models), *imported_parents(models), *imported]
    if empty := empty_bands(every_model, dataset.name, corpus.sample_rate):
        console.print(empty, highlight=False)
    estimated = estimate(every_model, corpus, preset, len(corpus.tags), devices[0], threads)
    costs = {name: cost.recorded() for name, cost in estimated.costs.items()}
    if plan.bags:
        costs |= {name + SINGLE_CLIPS: cost for name, cost in costs.items()}
    facts = corpus_facts(dataset, corpus, preset, plan.compared.tags)
    facts |= {"bibtex": bibtex(dataset, every_model)}
    record, reason = run_record.record(plan, costs, facts, store)
    if reason:
        console.print(
            f"The older tables of {dataset.name} were {reason}, so a new leaderboard is started. "
            "Finished cells are kept.",
            highlight=False,
        )
    return Planned(dataset, corpus, plan, record, estimated)


def empty_bands(models: Sequence[AnyModel], dataset: str, sample_rate: int) -> str:
    """Name the models that take a higher sample rate than a corpus has; empty without any."""
    higher = {m.name: rate for m in models if (rate := m.input_spec.sample_rate) > sample_rate}
    if not higher:
        return ""
    return (
        f"[yellow]{dataset} has {sample_rate:,} Hz[/], and these models take up to "
        f"{max(higher.values()):,} Hz: {escape(', '.join(higher))}. What they see above "
        f"{sample_rate // 2:,} Hz is empty. params: {{corpus_rate: {max(higher.values())}}} in the "
        "file of the dataset prepares it at their rate."
    )


def compute_views(
    planned: Sequence[Planned],
    models: Sequence[ResolvedModel],
    store: Store,
    options: Options,
    console: Console,
) -> None:
    """Compute the views and fit the targets that trainings will read, with a progress display.

    The views of test tracks are computed after perturbing, in the evaluation.
    """
    views = {model.name: model.input_spec.view for model in with_parents(models)}
    targets = {model.name: _target_names(model) for model in with_parents(models)}
    workers = options.workers or usable_cpus()
    for item in planned:
        states = store.states(cell.id for cell in item.plan.models)
        pending = [cell for cell in item.plan.models if states[cell.id] != "done"]
        needed = dict.fromkeys(views.get(cell.labels.model) for cell in pending)
        rows = np.concatenate([item.corpus.rows("train"), item.corpus.rows("valid")])
        for view in needed:
            if view is not None and view.stored:
                progress = ProgressBar(console)
                build_view(item.corpus, view, rows, workers=workers, progress=progress)
        learned = (targets.get(cell.labels.model, ()) for cell in pending)
        for name in dict.fromkeys(name for several in learned for name in several):
            progress = ProgressBar(console)
            fitted_targets(item.corpus, resolve_target(name), workers=workers, progress=progress)


def _target_names(model: ResolvedModel) -> list[str]:
    """Return the names of the targets beyond tags that a model learns."""
    several = model.stage.targets.values() if model.stage is not None else ()
    return [name for names in several for name in names]


def corpus_facts(
    dataset: ResolvedDataset, corpus: Corpus, preset: Preset, tags: Sequence[str]
) -> dict[str, Any]:
    """Return what the run record holds about a corpus and how it is scored."""
    module = dataset.module(corpus.root.parent)
    return {
        "manifest_digest": corpus.manifest_digest,
        "samples_digest": str(corpus.info.get("samples_digest", "")),
        "split_digest": corpus.split_digest,
        "tags_digest": corpus.tags_digest,
        "n_tracks": {split: len(corpus.rows(split)) for split in SPLITS},
        "n_tags": len(tags),
        "training_counts": training_counts(corpus) if corpus.tags else None,
        "unstable_tags": module.unstable_tags(tags),
        "tag_categories": module.tag_categories(tags),
        "rejected": int(corpus.info.get("rejected", 0)),
        "n_boot": preset.n_boot,
        "cluster": preset.cluster,
        "clusters": clusters(corpus, preset.cluster),
        "baseline": preset.baseline,
        # Left out where there are none, as in the records of older versions.
        **({"metrics": preset.metrics} if preset.metrics else {}),
    }


def bibtex(dataset: ResolvedDataset, models: Sequence[AnyModel]) -> dict[str, str]:
    """Return the BibTeX entries to cite, by ``model:<name>`` and ``dataset:<name>``."""
    entries = {f"dataset:{dataset.name}": dataset.cls.citation}
    for model in models:
        entries[f"model:{model.name}"] = model.cls.bibtex
    return {name: entry for name, entry in entries.items() if entry}


def training_counts(corpus: Corpus) -> dict[str, int]:
    """Count the training tracks of each tag; the counts define the rare tags."""
    counts = corpus.targets("train").sum(axis=0, dtype=int)
    return {tag: int(count) for tag, count in zip(corpus.tags, counts, strict=True)}


def clusters(corpus: Corpus, by: str) -> dict[str, str] | None:
    """Return the bootstrap cluster of each test track; None for those in the predictions."""
    if by == "artist":
        return None
    names = corpus.clusters("test", by)
    track_ids = (str(track_id) for track_id in corpus.split("test")["track_id"])
    return dict(zip(track_ids, names, strict=True))


def cache_size(plan: Plan, corpus: Corpus, store: Store) -> int:
    """Return the maximum number of bytes that the pending evaluations would cache."""
    states = store.states(cell.id for cell in plan.evaluations)
    conditions = {cell.condition for cell in plan.evaluations if states[cell.id] != "done"}
    return size_of(conditions, [int(n) for n in corpus.split("test")["samples"]])
