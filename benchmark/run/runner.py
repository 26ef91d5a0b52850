"""Run a matrix: prepare, plan, train, evaluate, score. Cells that are done are not run again."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.console import Console

from benchmark.config.datasets import ResolvedDataset
from benchmark.config.models import ResolvedModel
from benchmark.config.schema import BenchmarkFile
from benchmark.perturbations import Condition
from benchmark.plan.jobs import Runtime
from benchmark.plan.matrix import Experiment, check
from benchmark.predict import audio_examples
from benchmark.predict.audio_cache import CacheConfig, announce
from benchmark.report import pipeline, terminal
from benchmark.run import executors
from benchmark.run.options import Options, Planned
from benchmark.run.pending import run_pending
from benchmark.run.preparation import (
    cache_size,
    compute_views,
    plan_dataset,
    prepare,
    prepare_sources,
    resolve_checkpoints,
    resolve_dataset,
    resolve_models,
)
from benchmark.run.sharing import devices_of
from benchmark.run.up_to_date import remember, request_digest
from benchmark.store import run_record
from benchmark.store.results import DatasetResults
from benchmark.store.store import Store
from benchmark.store.tables import Tables
from benchmark.tracking import result_runs
from benchmark.tracking import wandb as wandb_log
from benchmark.tracking.trackers.base import enabled
from datamodules.corpus.corpus import Corpus


def run(benchmark: BenchmarkFile, options: Options, console: Console) -> int:
    """Run a matrix and write its tables and reports.

    Args:
        benchmark: The matrix.
        options: Options of the run.
        console: Console of the progress display.

    Returns:
        The exit code: 0, or 1 when a cell failed.
    """
    mode = wandb_log.resolve_mode(options.wandb)
    experiment = check(benchmark)
    store = Store(options.results)
    with store.lock():
        executor = executors.load(options.executor)
        executor.start_server()
        devices = devices_of(options, executor)
        threads = executor.threads(len(devices))
        models = resolve_models(experiment)
        planned = _prepare_and_plan(experiment, models, options, store, devices, threads, console)
        compute_views(planned, models, store, options, console)
        cache = options.audio_cache or CacheConfig("", 0)
        if cache.folder:
            wanted = sum(cache_size(item.plan, item.corpus, store) for item in planned)
            announce(cache, wanted, console)
        runtime = Runtime(
            results=str(store.results),
            data_root=str(options.data_root),
            devices_per_cell=options.devices_per_cell,
            threads=threads,
            workers=threads if options.workers is None else options.workers,
            wandb=mode,
            project=wandb_log.project(),
            trackers=options.trackers,
            audio_cache=cache.folder,
            audio_cache_bytes=cache.capacity,
        )
        fresh = run_pending(planned, store, runtime, devices, executor, console)
        for item in planned:
            render_audio_examples(
                item.record, item.dataset, item.corpus, store, console, options.audio
            )
            tables = pipeline.write_results(item.record, store, console, again=False)
            if fresh:
                mirror(item.record, tables, store, runtime, console)
        remember(planned, request_digest(experiment, options), store)
        return terminal.report_failures([item.record for item in planned], store, console)


def _prepare_and_plan(
    experiment: Experiment,
    models: Sequence[ResolvedModel],
    options: Options,
    store: Store,
    devices: Sequence[str],
    threads: int,
    console: Console,
) -> list[Planned]:
    """Return every dataset of the matrix, ready to run."""
    imported = resolve_checkpoints(experiment)
    sources = prepare_sources(experiment, models, options, console)
    planned = []
    for name in experiment.datasets:
        dataset = resolve_dataset(experiment, name, options)
        corpus = prepare(dataset, options, console)
        planned.append(
            plan_dataset(
                experiment,
                dataset,
                corpus,
                models,
                imported,
                store,
                devices,
                threads,
                console,
                sources,
                options.devices_per_cell,
            )
        )
    return planned


def mirror(
    record: run_record.RunRecord, tables: Tables, store: Store, runtime: Runtime, console: Console
) -> None:
    """Copy finished results to the trackers; their errors are reported and do not end the run."""
    for tracker in enabled(runtime):
        try:
            result_runs.log_results(DatasetResults(record, store), tracker, runtime)
        except Exception as error:  # noqa: BLE001 - whatever it raises, the results are on disk
            console.print(
                f"[yellow]Logging to {tracker.title} failed[/] ({type(error).__name__}: {error}). "
                f"The files in {store.results} are complete. {tracker.off}",
                highlight=False,
            )


def render_audio_examples(
    record: run_record.RunRecord,
    dataset: ResolvedDataset,
    corpus: Corpus,
    store: Store,
    console: Console,
    wanted: bool | None = None,
) -> None:
    """Render the clips that the report plays.

    Args:
        record: Record of the dataset.
        dataset: The dataset.
        corpus: Prepared corpus of the dataset.
        store: Results folder.
        console: Console for messages.
        wanted: Whether to render them; None: where the licence allows it.
    """
    folder = run_record.folder(record.dataset, store) / "audio"
    if not (dataset.cls.playable if wanted is None else wanted):
        audio_examples.remove(folder)
        if wanted is None:
            console.print(
                f"Report of {record.dataset}: no audio clips, because the licence does not allow "
                "redistribution. --audio adds a clip of each condition for your own use.",
                highlight=False,
            )
        return
    conditions = {Condition.from_labels(c["labels"]) for c in record.of_kind("evaluation")}
    seed = int(json.loads(record.info["contract"])["perturbation_seed"])
    ordered = sorted(conditions, key=lambda c: (c.protocol, c.family, c.perturbation, c.severity))
    audio_examples.render(corpus, ordered, folder, seed=seed, licence=dataset.cls.licence)
