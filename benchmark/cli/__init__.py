"""The command line. Slow imports are inside the commands, so that ``--help`` is fast."""

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
from benchmark.cli import doctor as cli_doctor
from benchmark.cli import embed as cli_embed
from benchmark.cli import listening as cli_listening
from benchmark.cli import models as cli_models
from benchmark.cli import publish as cli_publish
from benchmark.cli import results as cli_results
from benchmark.cli import run as cli_run
from benchmark.cli import ui as cli_ui
from benchmark.cli.options import DatasetName, Results
from benchmark.cli.options import console as _console
from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.common.filesystem import UNWRITABLE, unwritable

if TYPE_CHECKING:
    from benchmark.store.store import Store

app = typer.Typer(
    name="tagbench",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_WIDE = 200  # columns of a listing that is written to a file or pipe


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
    """Benchmark music taggers: models x datasets x perturbations."""


def main() -> None:
    """Run the command line; TagbenchError and OSError are printed as one line, with exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # names need not fit the encoding of a terminal
    try:
        try:
            app(prog_name="tagbench")
        finally:
            sys.stdout.flush()  # so that a full disk is reported here, not at interpreter exit
    except TagbenchError as error:
        _fail(str(error))
    except OSError as error:
        reason = error.strerror or str(error)
        if error.filename is not None and error.errno in UNWRITABLE:
            _fail(unwritable(error))
        if error.filename is not None:
            _fail(f"Cannot read or write {error.filename}: {reason}.")
        _discard_stdout()
        _fail(f"Cannot write the output: {reason}.")


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"Error: {message}\n")
    sys.exit(2)


def _discard_stdout() -> None:
    """Redirect standard output to the null device, so that its buffer is discarded at exit."""
    with suppress(OSError, ValueError):  # a captured stream has no file descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@app.command("list")
def list_(
    kind: Annotated[
        str,
        typer.Argument(
            help="models, datasets, perturbations, augmentations, targets, presets or benchmarks."
        ),
    ] = "all",
) -> None:
    """List the names that commands accept. For models and datasets, show their cards."""
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
def status(
    dataset: DatasetName = None,
    results: Results = Path("results"),
    watch: Annotated[
        bool, typer.Option("--watch", help="Renew the numbers every 5 s until Ctrl-C.")
    ] = False,
) -> None:
    """Show the numbers of finished, failed and missing cells."""
    from benchmark.report.terminal import status_table, watch_status
    from benchmark.store.store import Store

    store = Store(results)
    names = [record.dataset for record in _sweeps(dataset, store)]
    if watch:
        watch_status(store, names, _console())
    _console().print(status_table(store, names))


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
    """Render the tables, the figures and the HTML report again."""
    from benchmark.report.pipeline import write_results
    from benchmark.store.store import Store

    store = Store(results)
    for item in _sweeps(dataset, store):
        write_results(item, store, _console())


@app.command()
def verify(dataset: DatasetName = None, results: Results = Path("results")) -> None:
    """Recompute every row from the stored predictions. The exit code is 1 on a difference."""
    from benchmark.report.terminal import verify as verify_sweep
    from benchmark.store.store import Store

    store = Store(results)
    sound = [verify_sweep(item, store, _console()) for item in _sweeps(dataset, store)]
    if not all(sound):
        raise typer.Exit(1)


for verb in (
    cli_run.run, cli_run.cell, cli_data.prepare, cli_data.describe, cli_data.export,
    cli_models.pretrained, cli_models.import_checkpoint, cli_models.predict, cli_embed.embed,
    cli_models.explain, cli_listening.listening_vectors,
    cli_results.compare, cli_results.merge, cli_results.wandb_sync,
    cli_results.tensorboard_sync, cli_publish.publish,
    cli_results.wandb_report, cli_ui.ui, cli_doctor.doctor,
):  # fmt: skip
    app.command()(verb)
