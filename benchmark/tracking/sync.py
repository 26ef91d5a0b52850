"""Logging of finished results that were computed without a tracker."""

from __future__ import annotations

from rich.console import Console

from benchmark.plan.jobs import Runtime
from benchmark.store.results import DatasetResults
from benchmark.tracking.result_runs import LoggedRuns, log_results
from benchmark.tracking.trackers.base import check, trackers
from benchmark.tracking.wandb import project
from datamodules.common.errors import TagbenchError


def sync(results: DatasetResults, mode: str, console: Console, *, again: bool = False) -> None:
    """Write the W&B runs of a dataset that are new or whose content has changed.

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
    folder = results.store.results
    runtime = Runtime(str(folder), "", wandb=mode, project=project())
    runs = _write(results, "wandb", runtime, again=again)
    console.print(
        f"{results.record.dataset}: {len(runs.written)} runs written ({mode}), "
        f"{len(runs.kept)} unchanged, group {results.record.id}",
        highlight=False,
    )
    _without_curves(runs, console)
    pending = "wandb sync " + str(folder / "wandb" / "offline-run-*")
    if mode == "offline" and runs.written:
        console.print(f"To upload the runs: {pending}", highlight=False)
    if mode == "online" and runs.kept and list((folder / "wandb").glob("offline-run-*")):
        console.print(f"To upload runs that were written offline: {pending}", highlight=False)


def sync_tensorboard(results: DatasetResults, console: Console, *, again: bool = False) -> None:
    """Write the TensorBoard runs of a dataset that are new or whose content has changed.

    Args:
        results: Results of the dataset, with tables and a rendered report.
        console: Console for the summary.
        again: Whether to write every run, including those that were written before.

    Raises:
        TagbenchError: The tables or the figures are missing, or a package is not installed.
    """
    runtime = Runtime(str(results.store.results), "", trackers=("tensorboard",))
    runs = _write(results, "tensorboard", runtime, again=again)
    console.print(
        f"{results.record.dataset}: {len(runs.written)} runs written, {len(runs.kept)} unchanged",
        highlight=False,
    )
    _without_curves(runs, console)
    console.print(f"To see them: tensorboard --logdir {results.folder / 'tensorboard'}")


def _write(results: DatasetResults, tracker: str, runtime: Runtime, *, again: bool) -> LoggedRuns:
    """Write the runs of a dataset to a tracker, with training curves."""
    check([tracker])
    if not list((results.folder / "report" / "figures").glob("*.png")):
        raise TagbenchError(
            f"There are no figures in {results.folder / 'report'}. Render them first: "
            f"tagbench report --dataset {results.record.dataset}"
        )
    return log_results(results, trackers()[tracker], runtime, training=True, again=again)


def _without_curves(runs: LoggedRuns, console: Console) -> None:
    if runs.without_curves:
        console.print(
            "Without training curves, which an older version did not store: "
            + ", ".join(runs.without_curves)
        )
