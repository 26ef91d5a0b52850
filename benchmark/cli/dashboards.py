"""The command wandb-report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import DatasetName, Results
from benchmark.cli.options import console as _console


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
    from datamodules.common.errors import TagbenchError

    datasets, console = open_results(results), _console()
    names = [dataset] if dataset else list(datasets)
    if out is not None and len(names) != 1:
        raise TagbenchError(f"--out takes one dataset. Name it: --dataset {'|'.join(names)}")
    for name in names:
        content = dashboard(datasets[name])
        if out is not None:
            write_text(out, json.dumps(asdict(content), indent=1) + "\n")
            console.print(f"Specification: {out}", highlight=False)
        if dry_run:
            console.print(f"{content.title}: {content.description}", highlight=False)
            for group in content.groups:
                shown = ", ".join(" ".join([p.kind, *p.names]) for p in group.panels) or "text"
                console.print(f"  {group.title}: {shown}", highlight=False)
        if out is None and not dry_run:
            page, workspace = create(content, project or default_project(), entity)
            console.print(f"Report: {page}\nWorkspace: {workspace}", highlight=False)
