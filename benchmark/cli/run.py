"""Commands that run cells: run, cell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark.cli.options import AudioDir, Data, DataRoot, Results, places
from benchmark.cli.options import console as _console
from datamodules.common.errors import TagbenchError

if TYPE_CHECKING:
    from benchmark.config.schema import BenchmarkFile


def _split(text: str | None) -> list[str] | None:
    """Split at commas that are not within brackets."""
    if text is None:
        return None
    from benchmark.config.variant_text import split_at_commas

    return [item.strip() for item in split_at_commas(text) if item.strip()]


def _split_paths(text: str | None) -> list[str] | None:
    """Split at commas, but keep a comma that is part of the name of an existing path."""
    if text is None:
        return None
    items, paths = text.split(","), []
    while items:
        candidates = [",".join(items[:count]).strip() for count in range(len(items), 0, -1)]
        path = next((path for path in candidates if Path(path).exists()), candidates[-1])
        del items[: path.count(",") + 1]
        paths.append(path)
    return [path for path in paths if path]


def _benchmark(
    file: str | None,
    dataset: str | None,
    models: str | None,
    perturbations: str | None,
    seeds: str | None,
    preset: str | None,
    checkpoints: str | None = None,
    tag_aliases: str | None = None,
    pretrained: Sequence[Path] = (),
) -> BenchmarkFile:
    """Build the matrix from a file and the flags that override it.

    If no file is named, it is that of the dataset, if there is only one. Without either, pretrained
    models are run on the audio of the user.
    """
    from benchmark.config.schema import (
        DEFAULT_BENCHMARK,
        ROBUSTNESS,
        BenchmarkFile,
        DatasetFile,
    )
    from benchmark.experiment_files import find, load, parse

    if file is None:
        names = _split(dataset) or []
        own = load(find("datasets", names[0]), DatasetFile).benchmark if len(names) == 1 else ""
        file = own or (ROBUSTNESS if pretrained and not names else DEFAULT_BENCHMARK)
    content: dict[str, Any] = load(find("benchmarks", file), BenchmarkFile).model_dump()
    given = {
        "datasets": _split(dataset),
        "models": _split(models),
        "perturbations": _split(perturbations),
        "seeds": _integers(seeds),
        "preset": preset,
        "checkpoints": _split_paths(checkpoints),
        "tag_aliases": _split_paths(tag_aliases),
    }
    if pretrained:
        given["checkpoints"] = [*(given["checkpoints"] or []), *map(str, pretrained)]
    if given["checkpoints"] is not None and models is None:
        given["models"] = []  # imported models only: nothing is trained
    content |= {key: value for key, value in given.items() if value is not None}
    if perturbations is not None and perturbations.strip() in ("", "none"):
        content["perturbations"] = []
    return parse(content, BenchmarkFile, "the matrix")


def _pretrained() -> list[Path]:
    """Return the folders of the pretrained taggers that run together."""
    from benchmark.checkpoints.pretrained import CHECKPOINTS, DEFAULT
    from benchmark.cli.models import fetch_pretrained

    return fetch_pretrained(list(DEFAULT), CHECKPOINTS)


def _integers(text: str | None) -> list[int] | None:
    items = _split(text)
    if items is None:
        return None
    try:
        return [int(item) for item in items]
    except ValueError as error:
        raise TagbenchError(
            f"--seeds: expected integers separated by commas, got {text!r}."
        ) from error


# Most lines declare options: the function reads best whole.
def run(
    benchmark: Annotated[
        str | None,
        typer.Option(help="Matrix: a name or a YAML file. By default that of the dataset."),
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Datasets, separated by commas.")] = None,
    models: Annotated[str | None, typer.Option(help="Models, separated by commas.")] = None,
    checkpoints: Annotated[
        str | None,
        typer.Option(
            help="Folders of imported checkpoints, separated by commas. Without --models, nothing "
            "is trained."
        ),
    ] = None,
    tag_aliases: Annotated[
        str | None,
        typer.Option(
            help="Tables of tags that mean the same, separated by commas, for checkpoints whose "
            "tags are spelled otherwise."
        ),
    ] = None,
    pretrained: Annotated[
        bool,
        typer.Option(
            "--pretrained",
            help="Evaluate pretrained taggers on --data, or on the dataset. They are downloaded if "
            "needed. Without --models, nothing is trained.",
        ),
    ] = False,
    perturbations: Annotated[
        str | None,
        typer.Option(help="all, none, or items such as pitch_shift,white_noise:1+3+5."),
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Training seeds, separated by commas.")] = None,
    preset: Annotated[
        str | None, typer.Option(help="Preset: training budget and protocol.")
    ] = None,
    data: Data = None,
    audio_dir: AudioDir = None,
    results: Results = Path("results"),
    data_root: DataRoot = Path("data"),
    devices: Annotated[
        str | None, typer.Option(help="cpu, or cuda:0,cuda:1. By default all GPUs.")
    ] = None,
    devices_per_cell: Annotated[
        int,
        typer.Option(
            min=1, help="Number of devices that train one model together; on the CPU, of processes."
        ),
    ] = 1,
    workers: Annotated[int | None, typer.Option(help="Number of data processes per job.")] = None,
    wandb: Annotated[str, typer.Option(help="auto, disabled, offline or online.")] = "auto",
    tracker: Annotated[
        str | None, typer.Option(help="Trackers beside W&B, separated by commas: tensorboard.")
    ] = None,
    executor: Annotated[
        str, typer.Option(help="local, or ray (one machine or a cluster).")
    ] = "local",
    audio: Annotated[
        bool | None,
        typer.Option(
            help="Embed an audio clip of each condition in the report. By default only if the "
            "licence of the dataset allows redistribution."
        ),
    ] = None,
    audio_cache: Annotated[
        Path | None,
        typer.Option(
            envvar="TAGBENCH_AUDIO_CACHE",
            help="Folder of the cache of pitch-shifted and time-stretched audio.",
        ),
    ] = None,
    audio_cache_gib: Annotated[
        float,
        typer.Option(
            min=0, envvar="TAGBENCH_AUDIO_CACHE_GIB", help="Maximum size of the cache in GiB."
        ),
    ] = 50.0,
    dry_run: Annotated[bool, typer.Option(help="Print the plan without running it.")] = False,
) -> None:
    """Train, perturb, evaluate and score a matrix. Finished cells are not run again."""
    from benchmark.plan.matrix import check
    from benchmark.run import executors
    from benchmark.tracking import wandb as wandb_log
    from benchmark.tracking.trackers import base as trackers

    if pretrained and not (data or dataset or benchmark):  # before anything is downloaded
        raise TagbenchError(
            "--pretrained needs your audio: --data path/to/my_music (make robustness "
            "DATA=path/to/my_music), or --dataset NAME."
        )
    ready = _pretrained() if pretrained else ()
    matrix = _benchmark(
        benchmark,
        dataset,
        models,
        perturbations,
        seeds,
        preset,
        checkpoints,
        tag_aliases,
        ready,
    )
    experiment = check(matrix)  # before slow imports, so that an unknown name is reported at once
    wandb_log.resolve_mode(wandb)
    asked = tuple(_split(tracker) or ())
    trackers.check(asked)
    executors.check(executor)
    devices_asked = tuple(_split(devices) or ())
    executors.check_devices(executor, devices_asked)
    from benchmark.predict.audio_cache import CacheConfig
    from benchmark.run.options import Options

    cache = None
    if audio_cache:
        cache = CacheConfig(str(audio_cache.resolve()), int(audio_cache_gib * 2**30))
    options = Options(
        results=results,
        data_root=data_root,
        dataset_params=places(data, audio_dir),
        devices=devices_asked,
        devices_per_cell=devices_per_cell,
        workers=workers,
        wandb=wandb,
        trackers=asked,
        executor=executor,
        audio=audio,
        audio_cache=cache,
    )
    if dry_run:
        from benchmark.cli.dry_run import show

        show(matrix, options, _console())
        return
    from benchmark.run.up_to_date import show_if_done

    if show_if_done(experiment, options, _console()):
        return
    from benchmark.run.runner import run as run_matrix

    raise typer.Exit(run_matrix(matrix, options, _console()))


def cell(
    cell: Annotated[str, typer.Argument(help="Id of a cell in results/cells.")],
    results: Results = Path("results"),
    data_root: DataRoot = Path("data"),
    device: Annotated[str, typer.Option(help="cpu or cuda:<index>.")] = "cpu",
    workers: Annotated[int, typer.Option(help="Number of data processes.")] = 0,
) -> None:
    """Run one cell in this process, to debug a failure."""
    from benchmark.plan.jobs import Job, Runtime
    from benchmark.run import executors
    from benchmark.run.worker import run as run_job
    from benchmark.store.store import Store
    from datamodules.common.cpus import usable_cpus

    executors.check_devices("local", (device,))
    store = Store(results)
    planned = store.cell(cell)
    for parent in planned.depends_on:
        if store.state(parent) != "done":
            raise TagbenchError(
                f"Cell {cell} depends on cell {parent}, which is not done. Run it first: "
                f"tagbench cell {parent}"
            )
    runtime = Runtime(str(results), str(data_root), device, threads=usable_cpus(), workers=workers)
    console = _console()
    run_job(Job((planned,), planned.job_title), runtime, lambda event: console.print(dict(event)))
    if store.state(cell) != "done":
        failure = store.failure(cell) or {}
        console.print(failure.get("traceback", ""), markup=False)
        raise typer.Exit(1)
