"""Fill W&B with a sweep that ran without it."""

from __future__ import annotations

from rich.console import Console

from benchmark.plan.jobs import Runtime
from benchmark.store import run_record as sweeps
from benchmark.store.run_record import RunRecord
from benchmark.store.store import Store
from benchmark.store.tables import read_tables
from benchmark.tracking.result_runs import log_sweep
from benchmark.tracking.wandb import project
from datamodules.common.errors import TagbenchError


def sync(
    sweep: RunRecord, store: Store, mode: str, console: Console, *, again: bool = False
) -> None:
    """Write the runs of a finished sweep that W&B does not have, from files alone.

    Args:
        sweep: What ran.
        store: Where it lies.
        mode: ``"offline"`` or ``"online"``.
        console: For people.
        again: Write every run, also those that were written before.

    Raises:
        TagbenchError: The tables or the figures are not there, or W&B is disabled.
    """
    if mode == "disabled":
        raise TagbenchError(
            "W&B is disabled by WANDB_MODE or --wandb. Name --wandb offline or --wandb online."
        )
    folder = sweeps.folder(sweep.dataset, store)
    if not list((folder / "report" / "figures").glob("*.png")):
        raise TagbenchError(
            f"There are no figures in {folder / 'report'}. Render them first: "
            f"tagbench report --dataset {sweep.dataset}"
        )
    tables = read_tables(folder)
    runtime = Runtime(str(store.results), "", wandb=mode, project=project())
    done = log_sweep(sweep, tables, store, runtime, training=True, again=again)
    console.print(
        f"{sweep.dataset}: {len(done.written)} runs written ({mode}), {len(done.kept)} were there, "
        f"group {sweep.id}",
        highlight=False,
    )
    if done.without_curves:
        console.print(
            f"Without curves, which an older version did not keep: {', '.join(done.without_curves)}"
        )
    if mode == "offline" and done.written:
        console.print(f"To upload: wandb sync {store.results}/wandb/offline-run-*", highlight=False)
    if mode == "online" and done.kept and list((store.results / "wandb").glob("offline-run-*")):
        console.print(
            f"Runs that were written offline are uploaded by: wandb sync {store.results}/wandb/"
            "offline-run-*",
            highlight=False,
        )
