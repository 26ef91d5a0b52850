"""Logging of finished results that were computed without W&B."""

from __future__ import annotations

from rich.console import Console

from benchmark.plan.jobs import Runtime
from benchmark.store.results import DatasetResults
from benchmark.tracking.result_runs import log_results
from benchmark.tracking.wandb import project
from datamodules.common.errors import TagbenchError


def sync(results: DatasetResults, mode: str, console: Console, *, again: bool = False) -> None:
    """Write the runs of a dataset that are new or whose content has changed.

    Args:
        results: Results of the dataset, with tables and a rendered report.
        mode: ``"offline"`` or ``"online"``.
        console: Console for the summary.
        again: Whether to write every run, including those that were written before.

    Raises:
        TagbenchError: The tables or the figures are missing, or W&B is disabled.
    """
    if mode == "disabled":
        raise TagbenchError(
            "W&B is disabled by WANDB_MODE or --wandb. Name --wandb offline or --wandb online."
        )
    dataset, folder = results.record.dataset, results.store.results
    if not list((results.folder / "report" / "figures").glob("*.png")):
        raise TagbenchError(
            f"There are no figures in {results.folder / 'report'}. Render them first: "
            f"tagbench report --dataset {dataset}"
        )
    runtime = Runtime(str(folder), "", wandb=mode, project=project())
    runs = log_results(results, runtime, training=True, again=again)
    console.print(
        f"{dataset}: {len(runs.written)} runs written ({mode}), {len(runs.kept)} unchanged, "
        f"group {results.record.id}",
        highlight=False,
    )
    if runs.without_curves:
        console.print(
            "Without training curves, which an older version did not store: "
            + ", ".join(runs.without_curves)
        )
    pending = "wandb sync " + str(folder / "wandb" / "offline-run-*")
    if mode == "offline" and runs.written:
        console.print(f"To upload the runs: {pending}", highlight=False)
    if mode == "online" and runs.kept and list((folder / "wandb").glob("offline-run-*")):
        console.print(f"To upload runs that were written offline: {pending}", highlight=False)
