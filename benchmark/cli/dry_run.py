"""``tagbench run --dry-run``: the plan, its finished cells, and the estimated remaining time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from benchmark.config.datasets import ResolvedDataset
from benchmark.config.models import AnyModel, ResolvedModel
from benchmark.config.schema import BenchmarkFile
from benchmark.plan.build import build
from benchmark.plan.estimate import Estimate, estimate
from benchmark.plan.matrix import Experiment, check
from benchmark.plan.models import imported_parents, with_parents
from benchmark.plan.trainings import Source
from benchmark.report.terminal import show_compared
from benchmark.run import executors
from benchmark.run.options import Options
from benchmark.run.preparation import (
    resolve_checkpoints,
    resolve_dataset,
    resolve_models,
    resolve_sources,
)
from benchmark.run.sharing import devices_of
from benchmark.store.cell_kinds import SINGLE_CLIPS
from benchmark.store.cells import Cell
from benchmark.store.store import State, Store
from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus


def show(benchmark: BenchmarkFile, options: Options, console: Console) -> None:
    """Print the plan; nothing is prepared, trained or written.

    Args:
        benchmark: The matrix.
        options: Options of the run.
        console: Console to print to.
    """
    experiment = check(benchmark)
    trained, imported = resolve_models(experiment), resolve_checkpoints(experiment)
    models: list[AnyModel] = [*with_parents(trained), *imported_parents(trained), *imported]
    sources = _sources(experiment, trained, options)
    executor = executors.load(options.executor)
    devices = devices_of(options, executor)
    threads = executor.threads(len(devices))
    store = Store(options.results)
    seconds, n_evaluations = 0.0, 0
    for name in experiment.datasets:
        dataset = resolve_dataset(experiment, name, options)
        corpus = _prepared(dataset, options)
        if corpus is None or sources is None:
            console.print(_no_estimate(name, prepared=corpus is not None))
            console.print(_conditions(experiment, name))
            n_evaluations += experiment.n_evaluations_on(name)
            continue
        processes = options.devices_per_cell
        plan = build(experiment, dataset, corpus, trained, imported, devices[0], sources, processes)
        preset = experiment.presets[name][1]
        estimated = estimate(models, corpus, preset, len(corpus.tags), devices[0], threads)
        states = store.states(cell.id for cell in plan.cells)
        n_evaluations += len(plan.evaluations)
        seconds += sum(estimated.seconds(c) for c in plan.cells if states[c.id] != "done")
        table = _table(plan.models, plan.evaluations, states, estimated, models)
        table.title = _title(name, experiment, corpus)
        console.print(table)
        console.print(_conditions(experiment, name))
        show_compared(name, plan.compared, console)
    console.print(
        f"{experiment.n_training} training cells, {n_evaluations} evaluation cells on "
        f"{', '.join(devices)}; estimated remaining time: {_duration(seconds / len(devices))}."
    )


def _prepared(dataset: ResolvedDataset, options: Options) -> Corpus | None:
    """Return the corpus of a dataset; None if it is not prepared."""
    try:
        return dataset.module(options.data_root).corpus
    except TagbenchError:
        return None


def _no_estimate(name: str, *, prepared: bool) -> str:
    """Return why a dataset has no estimate: it, or one that is read beside it, is not prepared."""
    if prepared:
        return (
            f"[bold]{name}[/] has no estimate, because a dataset that its models read beside it is "
            "not prepared."
        )
    return (
        f"[bold]{name}[/] is not prepared, so it has no counts and no estimate. Prepare it with: "
        f"tagbench prepare --dataset {name}"
    )


def _table(
    models: Sequence[Cell],
    evaluations: Sequence[Cell],
    states: Mapping[str, State],
    estimated: Estimate,
    facts: Sequence[AnyModel],
) -> Table:
    """Return one row per model: its cost, its finished cells, and the remaining time."""
    parents = {
        model.name: ", ".join(f"{role}: {parent.name}" for role, parent in model.parents.items())
        for model in facts
        if isinstance(model, ResolvedModel)
    }
    headers: list[Column | str] = [
        Column("model", no_wrap=True),
        "parameters",
        "GMAC/s of audio",
        "training",
        "evaluations",
        "left",
    ]
    table = Table(*headers, *(["builds on"] if any(parents.values()) else []))
    rows: dict[str, tuple[list[Cell], list[Cell]]] = {}
    for column, cells in enumerate((models, evaluations)):
        for cell in cells:
            rows.setdefault(cell.labels.model, ([], []))[column].append(cell)
    for name, columns in rows.items():
        cost = estimated.costs[name.removesuffix(SINGLE_CLIPS)]
        left = [cell for cells in columns for cell in cells if states[cell.id] != "done"]
        counts = [[states[cell.id] for cell in cells].count("done") for cells in columns]
        table.add_row(
            escape(name),
            f"{cost.n_params:,}",
            f"{cost.macs_per_second_of_audio / 1e9:.3f}",
            f"{counts[0]}/{len(columns[0])}",
            f"{counts[1]}/{len(columns[1])}",
            _duration(sum(map(estimated.seconds, left))),
            *([escape(parents.get(name, ""))] if any(parents.values()) else []),
        )
    return table


def _sources(
    experiment: Experiment, models: Sequence[ResolvedModel], options: Options
) -> dict[str, Source] | None:
    """Return the datasets that stages read; None if one is not prepared."""
    sources = {}
    for name, dataset in resolve_sources(experiment, models).items():
        corpus = _prepared(dataset, options)
        if corpus is None:
            return None
        sources[name] = Source(dataset, corpus)
    return sources


def _title(name: str, experiment: Experiment, corpus: Corpus) -> str:
    counts = "/".join(str(len(corpus.rows(split))) for split in ("train", "valid", "test"))
    return f"{name}, preset {experiment.presets[name][0]}, {counts} tracks"


def _conditions(experiment: Experiment, name: str) -> str:
    conditions = experiment.conditions[name]
    return f"{len(conditions)} conditions: {', '.join(c.label for c in conditions)}"


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 1:
        return "< 1 min" if seconds else "0 min"
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
