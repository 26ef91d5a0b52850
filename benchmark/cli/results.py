"""Commands for finished results: compare, merge, wandb-sync, wandb-report, tensorboard-sync."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import DatasetName, Results, console
from datamodules.common.errors import TagbenchError


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


def wandb_report(
    dataset: DatasetName = None,
    results: Results = Path("results"),
    entity: Annotated[
        str | None,
        typer.Option(envvar="WANDB_ENTITY", help="User or team. By default that of the account."),
    ] = None,
    project: Annotated[
        str | None, typer.Option(help="W&B project. By default WANDB_PROJECT, or tagbench.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the groups and panels; send nothing.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the specification of one dataset to a JSON file; send nothing."),
    ] = None,
) -> None:
    """Create a W&B report and a saved workspace of a finished sweep."""
    import json
    from dataclasses import asdict

    from benchmark.store import open_results
    from benchmark.store.files import write_text
    from benchmark.tracking.dashboard import dashboard
    from benchmark.tracking.wandb import project as default_project
    from benchmark.tracking.wandb_report import create

    datasets, terminal = open_results(results), console()
    names = [dataset] if dataset else list(datasets)
    if out is not None and len(names) != 1:
        raise TagbenchError(f"--out takes one dataset. Name it: --dataset {'|'.join(names)}")
    for name in names:
        content = dashboard(datasets[name])
        if out is not None:
            write_text(out, json.dumps(asdict(content), indent=1) + "\n")
            terminal.print(f"Specification: {out}", highlight=False)
        if dry_run:
            terminal.print(f"{content.title}: {content.description}", highlight=False)
            for group in content.groups:
                shown = ", ".join(" ".join([p.kind, *p.names]) for p in group.panels) or "text"
                terminal.print(f"  {group.title}: {shown}", highlight=False)
        if out is None and not dry_run:
            page, workspace = create(content, project or default_project(), entity)
            terminal.print(f"Report: {page}\nWorkspace: {workspace}", highlight=False)


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
