"""A job: the cells that one process works on.

A job is plain data, so that an executor can send it to any machine that can access the results
folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.store.cells import Cell
from benchmark.store.store import Store
from datamodules.common.filesystem import UNWRITABLE, unwritable

Emit = Callable[[Mapping[str, Any]], None]
"""Receives events: ``{"event": "progress", "cell": id, ...}``.

Other events are ``done``, ``failed`` and ``unwritable``.
"""

PROGRESS_EVERY_S = 0.2
"""Shortest time between two progress events of a cell, in seconds."""


@dataclass(frozen=True)
class Runtime:
    """Settings of the execution of cells. They affect neither results nor identities.

    Attributes:
        results: Results folder.
        data_root: Folder of prepared corpora.
        device: ``"cpu"`` or ``"cuda:<index>"``.
        peers: Devices of the other processes that train a cell together with this one.
        devices_per_cell: Devices that each training gets.
        threads: Threads of the numeric kernels of one process.
        workers: Processes of each job that decode and perturb audio.
        wandb: ``"disabled"``, ``"offline"`` or ``"online"``.
        project: W&B project.
        trackers: Trackers beside W&B, by name.
        start: How those processes start: ``"fork"``, ``"spawn"`` or ``"forkserver"``.
        audio_cache: Folder in which pitch shifts and time stretches are kept; empty for none.
        audio_cache_bytes: Maximum size of that folder in bytes.
    """

    results: str
    data_root: str
    device: str = "cpu"
    peers: tuple[str, ...] = ()
    devices_per_cell: int = 1
    threads: int = 1
    workers: int = 0
    wandb: str = "disabled"
    project: str = "tagbench"
    trackers: tuple[str, ...] = ()
    start: str = "fork"
    audio_cache: str = ""
    audio_cache_bytes: int = 0


@dataclass(frozen=True)
class Job:
    """Cells of one kind that share a process.

    Attributes:
        cells: The cells. The evaluations of one dataset share a job, so that a track is decoded and
            perturbed once for all models; a training has a job of its own.
        title: Name of the job in the progress display.
    """

    cells: tuple[Cell, ...]
    title: str

    @property
    def several_devices(self) -> bool:
        """Whether several devices may share the work."""
        return self.cells[0].several_devices


def record_failure(
    store: Store, cell: str, stage: str, error: BaseException | str, emit: Emit
) -> None:
    """Write ``failed.json`` and send a ``failed`` event to the runner.

    If no file can be written, for example on a full disk, the cell is not recorded as failed: the
    event is ``unwritable``, and the runner ends the run.
    """
    try:
        if isinstance(error, OSError) and error.errno in UNWRITABLE:
            raise error
        store.fail(cell, stage, error)
    except OSError as reason:
        if reason.errno not in UNWRITABLE:
            raise
        emit({"event": "unwritable", "cell": cell, "message": unwritable(reason)})
        return
    message = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    emit({"event": "failed", "cell": cell, "message": message})
