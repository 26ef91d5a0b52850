"""The verbs about finished results: compare, merge, wandb-sync."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import Results, console


def compare(
    old: Annotated[
        Path, typer.Argument(help="A leaderboard.csv, robustness.csv, or a folder of them.")
    ],
    new: Annotated[Path, typer.Argument(help="The same of another run, machine or version.")],
    force: Annotated[
        bool, typer.Option("--force", help="Compare even other splits, protocols or versions.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="Show every change.")] = False,
) -> None:
    """Show what changed between two leaderboards; exit code 0 if nothing, else 1."""
    from benchmark.report.terminal_diff import show
    from benchmark.score.tables.diff import compare as compare_tables

    out = console(120)
    found = compare_tables(old, new, force=force)
    for comparison in found:
        for part in show(comparison, every=every):
            out.print(part, highlight=False)
    if not all(comparison.same for comparison in found):
        raise typer.Exit(1)


def merge(
    others: Annotated[list[Path], typer.Argument(help="Results folders of other machines.")],
    results: Results = Path("results"),
) -> None:
    """Bring the finished cells of other results folders into this one, and score anew."""
    from benchmark.report.pipeline import write_results
    from benchmark.store.merge import merge as merge_results
    from benchmark.store.store import Store

    store, out = Store(results), console()
    with store.lock():
        for sweep in merge_results([Store(other) for other in others], store, out):
            write_results(sweep, store, out)


def wandb_sync(
    dataset: Annotated[
        str | None, typer.Argument(help="Dataset of the sweep; all datasets by default.")
    ] = None,
    results: Results = Path("results"),
    wandb: Annotated[str, typer.Option(help="auto, offline or online.")] = "auto",
    again: Annotated[
        bool, typer.Option("--again", help="Write every run, also what was written before.")
    ] = False,
) -> None:
    """Fill W&B with the runs of a finished sweep that it does not have."""
    from benchmark.store import run_record as sweep
    from benchmark.store.store import Store
    from benchmark.tracking.sync import sync
    from benchmark.tracking.wandb import resolve_mode

    mode, store = resolve_mode(wandb), Store(results)
    for name in [dataset] if dataset else sweep.datasets(store):
        sync(sweep.load(name, store), store, mode, console(), again=again)
