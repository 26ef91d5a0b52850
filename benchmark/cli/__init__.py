"""The command line. Heavy modules are imported inside the verbs, so that ``--help`` is instant."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from benchmark import __version__
from benchmark.cli import data as cli_data
from benchmark.cli import models as cli_models
from benchmark.cli import results as cli_results
from benchmark.cli.options import AudioDir, Data, DataRoot, DatasetName, Results, places
from benchmark.cli.options import console as _console
from datamodules.common.errors import TagbenchError, unknown_name

if TYPE_CHECKING:
    from benchmark.config.schema import BenchmarkFile
    from benchmark.store.store import Store

app = typer.Typer(
    name="tagbench",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_WIDE = 200  # columns of a listing that no terminal limits


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"tagbench {__version__}")
        raise typer.Exit


@app.callback()
def tagbench(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """How good, and how robust, is a music tagger? Models x datasets x perturbations."""


def main() -> None:
    """Run the command line; an error of the user or the file system is one line and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # names need not fit the encoding of a terminal
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # or a full disk would show only when the interpreter ends
    except TagbenchError as error:
        _fail(str(error))
    except OSError as error:
        reason = error.strerror or str(error)
        if error.filename is not None:
            _fail(f"Cannot read or write {error.filename}: {reason}.")
        _discard_stdout()
        _fail(f"Cannot write the output: {reason}.")


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"Error: {message}\n")
    sys.exit(2)


def _discard_stdout() -> None:
    """Let what is left in the buffer of the standard output go nowhere when the process ends."""
    with suppress(OSError, ValueError):  # a captured stream has no file descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _split(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def _benchmark(
    file: str,
    dataset: str | None,
    models: str | None,
    perturbations: str | None,
    seeds: str | None,
    preset: str | None,
    checkpoints: str | None = None,
) -> BenchmarkFile:
    """Build the matrix from a file and the flags that override it."""
    from benchmark.config.files import find, load, parse
    from benchmark.config.schema import BenchmarkFile

    content: dict[str, Any] = load(find("benchmarks", file), BenchmarkFile).model_dump()
    given = {
        "datasets": _split(dataset),
        "models": _split(models),
        "perturbations": _split(perturbations),
        "seeds": _integers(seeds),
        "preset": preset,
        "checkpoints": _split(checkpoints),
    }
    if checkpoints is not None and models is None:
        given["models"] = []  # published models need no training beside them
    content |= {key: value for key, value in given.items() if value is not None}
    if perturbations is not None and perturbations.strip() in ("", "none"):
        content["perturbations"] = []
    return parse(content, BenchmarkFile, "the matrix")


def _integers(text: str | None) -> list[int] | None:
    parts = _split(text)
    if parts is None:
        return None
    try:
        return [int(part) for part in parts]
    except ValueError as error:
        raise TagbenchError(
            f"--seeds: expected integers separated by commas, got {text!r}."
        ) from error


@app.command()
def run(
    benchmark: Annotated[str, typer.Option(help="Matrix: a name or a YAML file.")] = "default",
    dataset: Annotated[str | None, typer.Option(help="Datasets, separated by commas.")] = None,
    models: Annotated[str | None, typer.Option(help="Models, separated by commas.")] = None,
    checkpoints: Annotated[
        str | None,
        typer.Option(help="Folders of import-checkpoint, separated by commas: no training."),
    ] = None,
    perturbations: Annotated[
        str | None,
        typer.Option(help="all, none, or items such as pitch_shift,white_noise:1+3+5."),
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Training seeds, separated by commas.")] = None,
    preset: Annotated[str | None, typer.Option(help="Budget and protocol.")] = None,
    data: Data = None,
    audio_dir: AudioDir = None,
    results: Results = Path("results"),
    data_root: DataRoot = Path("data"),
    devices: Annotated[
        str | None, typer.Option(help="cpu, or cuda:0,cuda:1; all GPUs by default.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Data processes a job.")] = None,
    wandb: Annotated[str, typer.Option(help="auto, disabled, offline or online.")] = "auto",
    executor: Annotated[
        str, typer.Option(help="local, or ray: this machine's Ray or a cluster's.")
    ] = "local",
    audio: Annotated[
        bool | None,
        typer.Option(
            help="A clip a condition in the report; by default where the licence lets it be "
            "passed on."
        ),
    ] = None,
    audio_cache: Annotated[
        Path | None,
        typer.Option(
            envvar="TAGBENCH_AUDIO_CACHE",
            help="Keep shifted and stretched audio in this folder, for models to come.",
        ),
    ] = None,
    audio_cache_gib: Annotated[
        float,
        typer.Option(min=0, envvar="TAGBENCH_AUDIO_CACHE_GIB", help="How much it may hold."),
    ] = 50.0,
    dry_run: Annotated[bool, typer.Option(help="Print the plan and stop.")] = False,
) -> None:
    """Train, perturb, evaluate and score a matrix; what is done is not done again."""
    from benchmark.plan.matrix import check
    from benchmark.run import executors
    from benchmark.tracking import wandb as wandb_log

    matrix = _benchmark(benchmark, dataset, models, perturbations, seeds, preset, checkpoints)
    check(matrix)  # before anything heavy is imported: a typo should cost no time
    wandb_log.resolve_mode(wandb)
    executors.check(executor)
    from benchmark.predict.audio_cache import CacheConfig
    from benchmark.run.options import Options

    cache = None
    if audio_cache:
        cache = CacheConfig(str(audio_cache.resolve()), int(audio_cache_gib * 2**30))
    options = Options(
        results=results,
        data_root=data_root,
        dataset_params=places(data, audio_dir),
        devices=tuple(_split(devices) or ()),
        workers=workers,
        wandb=wandb,
        executor=executor,
        audio=audio,
        audio_cache=cache,
    )
    if dry_run:
        from benchmark.cli.dry_run import show

        show(matrix, options, _console())
        return
    from benchmark.run.runner import run as run_matrix

    raise typer.Exit(run_matrix(matrix, options, _console()))


@app.command("list")
def list_(
    kind: Annotated[
        str, typer.Argument(help="models, datasets, perturbations, presets or benchmarks.")
    ] = "all",
) -> None:
    """Show what can be named on the command line; of models or datasets alone, their cards."""
    from benchmark.catalog.listing import KINDS, listing

    if kind not in (*KINDS, "all"):
        raise unknown_name("kind", kind, [*KINDS, "all"], "tagbench list")
    for name in KINDS if kind == "all" else (kind,):
        _console(_WIDE).print(listing(name, full=name == kind))


def _sweeps(dataset: str | None, store: Store) -> list[Any]:
    from benchmark.store import run_record

    names = [dataset] if dataset else run_record.datasets(store)
    if not names:
        raise TagbenchError(
            f"There are no results in {store.results}. Run a benchmark first: tagbench run"
        )
    return [run_record.load(name, store) for name in names]


@app.command()
def status(dataset: DatasetName = None, results: Results = Path("results")) -> None:
    """Show what is done, failed and missing."""
    from benchmark.report.terminal import status_table
    from benchmark.store.store import Store

    store = Store(results)
    found = _sweeps(dataset, store)
    _console().print(status_table(store, [item.dataset for item in found]))


@app.command()
def leaderboard(dataset: DatasetName = None, results: Results = Path("results")) -> None:
    """Recompute the CSVs from the stored predictions and print the leaderboard."""
    from benchmark.report.pipeline import write_results
    from benchmark.store.store import Store

    store = Store(results)
    for item in _sweeps(dataset, store):
        write_results(item, store, _console(), report=False)


@app.command()
def report(dataset: DatasetName = None, results: Results = Path("results")) -> None:
    """Render tables, figures and the HTML report again."""
    from benchmark.report.pipeline import write_results
    from benchmark.store.store import Store

    store = Store(results)
    for item in _sweeps(dataset, store):
        write_results(item, store, _console())


@app.command()
def verify(dataset: DatasetName = None, results: Results = Path("results")) -> None:
    """Recompute every row from the stored predictions; exit code 1 on a difference."""
    from benchmark.report.terminal import verify as verify_sweep
    from benchmark.store.store import Store

    store = Store(results)
    sound = [verify_sweep(item, store, _console()) for item in _sweeps(dataset, store)]
    if not all(sound):
        raise typer.Exit(1)


@app.command()
def cell(
    cell: Annotated[str, typer.Argument(help="Id of a cell in results/cells.")],
    results: Results = Path("results"),
    data_root: DataRoot = Path("data"),
    device: Annotated[str, typer.Option(help="cpu or cuda:<index>.")] = "cpu",
    workers: Annotated[int, typer.Option(help="Data processes.")] = 0,
) -> None:
    """Run one cell by hand in this process, to look at a failure."""
    from benchmark.plan.jobs import Job, Runtime
    from benchmark.run.worker import run as run_job
    from benchmark.store.store import Store
    from datamodules.common.cpus import usable_cpus

    store = Store(results)
    found = store.cell(cell)
    for parent in found.depends_on:
        if store.state(parent) != "done":
            raise TagbenchError(
                f"Cell {cell} depends on cell {parent}, which is not done. Run that first: "
                f"tagbench cell {parent}"
            )
    runtime = Runtime(str(results), str(data_root), device, threads=usable_cpus(), workers=workers)
    console = _console()
    run_job(Job((found,), found.job_title), runtime, lambda event: console.print(dict(event)))
    if store.state(cell) != "done":
        failure = store.failure(cell) or {}
        console.print(failure.get("traceback", ""), markup=False)
        raise typer.Exit(1)


for verb in (
    cli_data.prepare, cli_data.describe, cli_data.export,
    cli_models.import_checkpoint, cli_models.predict, cli_models.explain,
    cli_results.compare, cli_results.merge, cli_results.wandb_sync,
):  # fmt: skip
    app.command()(verb)
