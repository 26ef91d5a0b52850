"""The verbs about finished results: compare, merge, wandb-sync."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli_options import Results, console


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
    from benchmark.compare import compare as compare_tables
    from benchmark.compare_output import show

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
    from benchmark.merge import merge as merge_results
    from benchmark.scoring import score
    from benchmark.store import Store

    store, out = Store(results), console()
    with store.lock():
        for sweep in merge_results([Store(other) for other in others], store, out):
            score(sweep, store, out)
