"""A sweep: prepare, plan, train, evaluate, score. What is done is not done again."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmark.checkpoints.checkpoint import CARD, WEIGHTS
from benchmark.config.datasets import ResolvedDataset
from benchmark.config.identity import TrainIdentity
from benchmark.config.models import ResolvedModel
from benchmark.config.schema import BenchmarkFile
from benchmark.perturbations import Condition
from benchmark.plan.build import build
from benchmark.plan.cost import cost_of, evaluation_seconds, speed, training_seconds
from benchmark.plan.jobs import Job, Runtime
from benchmark.plan.matrix import Experiment, check
from benchmark.plan.models import AnyModel, ImportedModel, vocabulary
from benchmark.predict import audio_examples
from benchmark.predict.audio_cache import CacheConfig, announce, size_of
from benchmark.report import pipeline, terminal
from benchmark.run import executors
from benchmark.run.executors import Executor
from benchmark.run.options import Options, Planned
from benchmark.run.progress import Display
from benchmark.run.progress_bar import ProgressBar
from benchmark.run.worker import log_path
from benchmark.store import run_record as sweep
from benchmark.store.cells import Cell, Plan
from benchmark.store.provenance import provenance
from benchmark.store.store import Store
from benchmark.store.tables import Tables
from benchmark.tracking import result_runs
from benchmark.tracking import wandb as wandb_log
from datamodules.common.filesystem import replace_file
from datamodules.corpus.corpus import Corpus


def run(benchmark: BenchmarkFile, options: Options, console: Console) -> int:
    """Run a matrix and write its tables and reports.

    Args:
        benchmark: The matrix.
        options: How to run it.
        console: For people.

    Returns:
        The exit code: 0, or 1 when a cell failed.
    """
    mode = wandb_log.resolve_mode(options.wandb)
    experiment = check(benchmark)
    store = Store(options.results)
    with store.lock():
        executor = executors.executor(options.executor)
        executor.start_server()
        devices = options.devices or executor.available_devices()
        threads = executor.threads(len(devices))
        planned, corpora, cached = [], [], 0
        models = resolve_models(experiment)
        imported = resolve_checkpoints(experiment)
        for name in experiment.datasets:
            dataset = resolve_dataset(experiment, name, options)
            corpus = prepare(dataset, options, console)
            corpora.append((dataset, corpus))
            item = plan_dataset(
                experiment, dataset, corpus, models, imported, store, devices, threads, console
            )
            planned.append(item)
            cached += cache_size(item.plan, corpus, store) if options.audio_cache else 0
        cache = options.audio_cache or CacheConfig("", 0)
        if cache.folder:
            announce(cache, cached, console)
        runtime = Runtime(
            results=str(store.results),
            data_root=str(options.data_root),
            threads=threads,
            workers=threads if options.workers is None else options.workers,
            wandb=mode,
            project=wandb_log.project(),
            audio_cache=cache.folder,
            audio_cache_bytes=cache.capacity,
        )
        fresh = work(planned, store, runtime, devices, executor, console)
        for item, (dataset, corpus) in zip(planned, corpora, strict=True):
            play(item.record, dataset, corpus, store, console, options.audio)
            tables = pipeline.write_results(item.record, store, console)
            if fresh:
                mirror(item.record, tables, store, runtime, console)
        return terminal.report_failures([item.record for item in planned], store, console)


def mirror(
    item: sweep.RunRecord, tables: Tables, store: Store, runtime: Runtime, console: Console
) -> None:
    """Copy a finished sweep to W&B; a sink that fails takes nothing down with it."""
    try:
        result_runs.log_sweep(item, tables, store, runtime)
    except Exception as error:  # noqa: BLE001 - whatever W&B raises, the results are on disk
        console.print(
            f"[yellow]W&B was not written[/] ({type(error).__name__}: {error}). The files in "
            f"{store.results} are complete; --wandb disabled leaves W&B out.",
            highlight=False,
        )


def play(
    item: sweep.RunRecord,
    dataset: ResolvedDataset,
    corpus: Corpus,
    store: Store,
    console: Console,
    wanted: bool | None = None,
) -> None:
    """Render the clips that the report plays, where that is wanted or the licence allows it."""
    folder = sweep.folder(item.dataset, store) / "audio"
    if not (dataset.cls.playable if wanted is None else wanted):
        audio_examples.remove(folder)
        if wanted is None:
            console.print(
                f"Report of {item.dataset}: without audio, since its recordings are not ours to "
                "pass on. --audio adds a clip a condition, for your own ears.",
                highlight=False,
            )
        return
    heard = {
        (found.protocol, found.family, found.perturbation, found.severity): found
        for found in (Condition.from_labels(c["labels"]) for c in item.of_kind("evaluation"))
    }
    seed = int(json.loads(item.info["contract"])["perturbation_seed"])
    conditions = [heard[key] for key in sorted(heard)]
    audio_examples.render(corpus, conditions, folder, seed=seed, licence=dataset.cls.licence)


def resolve_models(experiment: Experiment) -> list[ResolvedModel]:
    """Import every architecture of a matrix."""
    return [ResolvedModel.of(name, file) for name, file in experiment.models.items()]


def resolve_checkpoints(experiment: Experiment) -> list[ImportedModel]:
    """Read every imported model of a matrix."""
    return [ImportedModel.of(name, folder) for name, folder in experiment.checkpoints.items()]


def resolve_dataset(experiment: Experiment, name: str, options: Options) -> ResolvedDataset:
    """Import a dataset of a matrix."""
    return ResolvedDataset.of(name, experiment.datasets[name], options.dataset_params)


def prepare(dataset: ResolvedDataset, options: Options, console: Console) -> Corpus:
    """Prepare a corpus, or open it when it is there, and say what it holds."""
    module = dataset.module(options.data_root, workers=options.workers or os.cpu_count() or 1)
    module.progress = ProgressBar(console)
    module.prepare_data()
    corpus = module.corpus
    counts = ", ".join(f"{len(corpus.rows(part)):,} {part}" for part in ("train", "valid", "test"))
    rejected = int(corpus.info.get("rejected", 0))
    console.print(
        f"[bold]{dataset.name}[/]: {counts} tracks, {len(corpus.tags)} tags"
        + (
            f", [yellow]{rejected} rejected[/] ({corpus.root / 'rejected.csv'})" if rejected else ""
        ),
        highlight=False,
    )
    return corpus


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
) -> Planned:
    """Expand one dataset's matrix, register its cells and estimate their work."""
    cells = build(experiment, dataset, corpus, models, imported)
    tags = vocabulary(dataset.name, corpus, models, imported)
    for cell in (*cells.training, *cells.evaluations):
        store.register(cell)
    heard: list[AnyModel] = [*models, *imported]
    costs = {model.name: cost_of(model.cls, model.architecture, len(tags)) for model in heard}
    preset = experiment.presets[dataset.name][1]
    module = dataset.module(corpus.root.parent)
    record, replaced = sweep.record(
        cells,
        {
            name: {
                "n_params": cost.n_params,
                "macs_per_second_of_audio": cost.macs_per_second_of_audio,
            }
            for name, cost in costs.items()
        },
        {
            "manifest_digest": corpus.manifest_digest,
            "split_digest": corpus.split_digest,
            "tags_digest": corpus.tags_digest,
            "n_tracks": {p: len(corpus.rows(p)) for p in ("train", "valid", "test")},
            "n_tags": len(tags),
            "training_counts": training_counts(corpus) if corpus.tags else None,
            "unstable_tags": module.unstable_tags(tags),
            "tag_categories": module.tag_categories(tags),
            "rejected": int(corpus.info.get("rejected", 0)),
            "n_boot": preset.n_boot,
            "cluster": preset.cluster,
            "clusters": clusters(corpus, preset.cluster),
            "baseline": preset.baseline,
            "bibtex": bibtex(dataset, heard),
        },
        store,
    )
    if replaced:
        console.print(
            f"The older tables of {dataset.name} were made under another corpus, split or preset: "
            "a new leaderboard starts. Its cells are kept."
        )
    rate = speed(devices[0], threads)
    train_s = {n: training_seconds(c, preset.training(), corpus, rate) for n, c in costs.items()}
    eval_s = evaluation_seconds(costs, corpus, preset.windows.max_windows, rate)
    weights = {c.id: train_s[c.labels["model"]] for c in cells.training if is_trained(c)}
    for cell in cells.training:
        if not is_trained(cell):
            adopt(cell, store)
    weights |= {c.id: eval_s[c.labels["model"]] for c in cells.evaluations}
    return Planned(cells, record, costs, weights)


def bibtex(dataset: ResolvedDataset, heard: Sequence[AnyModel]) -> dict[str, str]:
    """Return what a report has to cite, by ``model:<name>`` and ``dataset:<name>``."""
    found = {f"dataset:{dataset.name}": dataset.cls.citation}
    for model in heard:
        found[f"model:{model.name}"] = model.cls.bibtex
    return {name: entry for name, entry in found.items() if entry}


def training_counts(corpus: Corpus) -> dict[str, int]:
    """Count the training tracks of each tag, for what is said about rare ones."""
    counts = corpus.targets("train").sum(axis=0, dtype=int)
    return {tag: int(count) for tag, count in zip(corpus.tags, counts, strict=True)}


def clusters(corpus: Corpus, by: str) -> dict[str, str] | None:
    """Return what the bootstrap draws each test track with; None for what predictions hold."""
    if by == "artist":
        return None
    found = corpus.clusters("test", by)
    return dict(zip((str(t) for t in corpus.split("test")["track_id"]), found, strict=True))


def cache_size(item: Plan, corpus: Corpus, store: Store) -> int:
    """Return the bytes of audio that the evaluations to do could keep."""
    waiting = {
        Condition.from_labels(cell.labels)
        for cell in item.evaluations
        if store.state(cell.id) != "done"
    }
    return size_of(waiting, [int(n) for n in corpus.split("test")["samples"]])


def work(
    planned: Sequence[Planned],
    store: Store,
    runtime: Runtime,
    devices: Sequence[str],
    executor: Executor,
    console: Console,
) -> bool:
    """Do every cell that is not done yet.

    Returns:
        Whether there was anything to do.
    """
    states = {
        cell.id: store.state(cell.id)
        for item in planned
        for cell in (*item.plan.training, *item.plan.evaluations)
        if cell.id in item.weights
    }
    done = {cell for cell, state in states.items() if state == "done"}
    weights = {c: w for item in planned for c, w in item.weights.items()}
    todo = {cell: weights[cell] for cell in states if cell not in done}
    console.print(f"{len(states)} cells, {len(done)} done, {len(todo)} to do", highlight=False)
    if not todo:
        return False
    display = Display(console, todo)
    titles = {
        cell.id: cell_title(cell.labels)
        for item in planned
        for cell in (*item.plan.training, *item.plan.evaluations)
    }
    with display.live():
        training = [
            Job("train", (cell.id,), f"train {cell_title(cell.labels)}")
            for item in planned
            for cell in item.plan.training
            if is_trained(cell) and cell.id not in done
        ]
        # The longest first: the last device to finish then waits least.
        training.sort(key=lambda job: -weights[job.cells[0]])
        run_jobs(training, store, runtime, devices, executor, display, titles)
        waiting = [
            job for item in planned for job in evaluation_jobs(item.plan, store, len(devices))
        ]
        while waiting:
            waiting = run_jobs(waiting, store, runtime, devices, executor, display, titles)
    return True


def is_trained(cell: Cell) -> bool:
    """Tell a cell to train from a model that was trained elsewhere."""
    return isinstance(cell.identity, TrainIdentity)


def adopt(cell: Cell, store: Store) -> None:
    """Copy an imported checkpoint into its cell, so that results do not depend on its folder."""
    if store.state(cell.id) == "done":
        return
    source = Path(cell.launch["folder"])
    for name in (WEIGHTS, CARD):
        replace_file(store.folder(cell.id) / name, (source / name).read_bytes())
    store.finish(cell.id, {"provenance": provenance()}, [WEIGHTS, CARD])


def cell_title(labels: Mapping[str, Any]) -> str:
    """Return what people call a cell."""
    title = f"{labels['dataset']} {labels['model']} seed {labels['seed']}"
    if "perturbation" in labels:
        title += f" {Condition.from_labels(labels).label}"
    return title


def evaluation_jobs(item: Plan, store: Store, n_devices: int) -> list[Job]:
    """Group the evaluations that can run: whole conditions, shared out over the devices."""
    groups: dict[tuple[Any, ...], list[str]] = {}
    for cell in item.evaluations:
        trained = store.state(cell.to_json()["preimage"]["train"]) == "done"
        if not trained or store.state(cell.id) == "done":
            continue
        labels = cell.labels
        groups.setdefault((labels["perturbation"], labels["severity"]), []).append(cell.id)
    conditions = list(groups.values())
    shares = [conditions[start::n_devices] for start in range(n_devices)]
    return [
        Job("evaluation", tuple(cell for group in share for cell in group), f"hear {item.dataset}")
        for share in shares
        if share
    ]


def run_jobs(
    jobs: Sequence[Job],
    store: Store,
    runtime: Runtime,
    devices: Sequence[str],
    executor: Executor,
    display: Display,
    titles: Mapping[str, str],
) -> list[Job]:
    """Run jobs and follow their events.

    Returns:
        Jobs for what a process left undone when it died: all but the condition it died in.
    """
    again: list[Job] = []
    current: dict[Job, str] = {}
    for job, event in executor.execute(jobs, runtime, devices):
        kind = event["event"]
        if kind == "progress":
            current[job] = event["cell"]
            display.progress(job.title, event)
        elif kind == "done":
            display.cell(event["cell"], titles[event["cell"]])
        elif kind == "failed":
            text = f"{titles[event['cell']]}: {event['message']}"
            display.cell(event["cell"], text, failed=True)
        else:
            display.job_ended(job.title)
            if event["code"] != 0:
                again += _after_death(job, event["code"], current.get(job), store, display, titles)
    return again


def _after_death(
    job: Job,
    code: int,
    current: str | None,
    store: Store,
    display: Display,
    titles: Mapping[str, str],
) -> list[Job]:
    left = [c for c in job.cells if store.state(c) != "done" and c not in display.finished]
    guilty = left if current is None else [c for c in left if _same_condition(c, current, store)]
    message = (
        f"The process ended with code {code} (a negative code is a signal: -9 is often a lack of "
        f"memory). See {log_path(job, store.results)}"
    )
    for cell in guilty or left:
        store.fail(cell, job.kind, message)
        display.cell(cell, f"{titles[cell]}: {message}", failed=True)
    rest = tuple(c for c in left if c not in (guilty or left))
    return [Job(job.kind, rest, job.title)] if rest else []


def _same_condition(cell: str, other: str, store: Store) -> bool:
    keys = ("perturbation", "severity", "protocol")
    first, second = store.read(cell)["labels"], store.read(other)["labels"]
    return all(first.get(key) == second.get(key) for key in keys)
