"""Commands for finished results: compare, merge, wandb-sync, tensorboard-sync."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import Results, console


def compare(
    old: Annotated[
        Path, typer.Argument(help="A leaderboard.csv, robustness.csv, or a folder that holds them.")
    ],
    new: Annotated[
        Path, typer.Argument(help="The same kind of path from another run, machine or version.")
    ],
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Compare tables of different splits, protocols or versions too."
        ),
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="Show all changes.")] = False,
) -> None:
    """Show the differences of two sets of tables; exit code 0 if they are equal, otherwise 1."""
    from benchmark.report.terminal_diff import show
    from benchmark.score.tables.diff import compare as compare_tables

    out = console(120)
    diffs = compare_tables(old, new, force=force)
    for diff in diffs:
        for renderable in show(diff, every=every):
            out.print(renderable, highlight=False)
    if not all(diff.same for diff in diffs):
        raise typer.Exit(1)


def merge(
    others: Annotated[list[Path], typer.Argument(help="Results folders of other machines.")],
    results: Results = Path("results"),
) -> None:
    """Copy the finished cells of other results folders into this one, and compute its tables."""
    from benchmark.report.pipeline import write_results
    from benchmark.store.merge import merge as merge_results
    from benchmark.store.store import Store

    store, out = Store(results), console()
    with store.lock():
        for sweep in merge_results([Store(other) for other in others], store, out):
            write_results(sweep, store, out)


def wandb_sync(
    dataset: Annotated[
        str | None, typer.Argument(help="Dataset to log; all datasets by default.")
    ] = None,
    results: Results = Path("results"),
    wandb: Annotated[str, typer.Option(help="auto, offline or online.")] = "auto",
    again: Annotated[
        bool,
        typer.Option("--again", help="Write every run, including those that were written before."),
    ] = False,
) -> None:
    """Write the W&B runs of finished results that are new or have changed."""
    from benchmark.store import open_results
    from benchmark.tracking.sync import sync
    from benchmark.tracking.wandb import resolve_mode

    mode, datasets = resolve_mode(wandb), open_results(results)
    for name in [dataset] if dataset else datasets:
        sync(datasets[name], mode, console(), again=again)


def tensorboard_sync(
    dataset: Annotated[
        str | None, typer.Argument(help="Dataset to log; all datasets by default.")
    ] = None,
    results: Results = Path("results"),
    again: Annotated[
        bool,
        typer.Option("--again", help="Write every run, including those that were written before."),
    ] = False,
) -> None:
    """Write the TensorBoard runs of finished results that are new or have changed."""
    from benchmark.store import open_results
    from benchmark.tracking.sync import sync_tensorboard

    datasets = open_results(results)
    for name in [dataset] if dataset else datasets:
        sync_tensorboard(datasets[name], console(), again=again)
