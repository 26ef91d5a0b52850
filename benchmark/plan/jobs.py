"""A job: the cells that one process works on, and how a process runs them.

A job is plain data, so that any executor can send it anywhere the results folder can be seen.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from benchmark.store.store import Store

LOGS = "logs"

Emit = Callable[[Mapping[str, Any]], None]
"""Receives events: ``{"event": "progress" | "done" | "failed", "cell": id, ...}``."""


@dataclass(frozen=True)
class Runtime:
    """How and where cells run. Never hashed: it must not change a number.

    Attributes:
        results: Results folder.
        data_root: Folder of prepared corpora.
        device: ``"cpu"`` or ``"cuda:<index>"``.
        threads: Threads of the numeric kernels of one process.
        workers: Processes that decode and perturb beside one job.
        wandb: ``"disabled"``, ``"offline"`` or ``"online"``.
        project: W&B project.
        start: How those processes start: ``"fork"``, ``"spawn"`` or ``"forkserver"``.
        audio_cache: Folder in which pitch shifts and time stretches are kept; empty for none.
        audio_cache_bytes: How much it may hold.
    """

    results: str
    data_root: str
    device: str = "cpu"
    threads: int = 1
    workers: int = 0
    wandb: str = "disabled"
    project: str = "tagbench"
    start: str = "fork"
    audio_cache: str = ""
    audio_cache_bytes: int = 0


@dataclass(frozen=True)
class Job:
    """Cells of one kind that share a process.

    Attributes:
        kind: Training jobs hold one cell; evaluation jobs hold the cells of one dataset, so that
            a track is decoded and perturbed once for all models.
        cells: Ids.
        title: For people.
    """

    kind: Literal["train", "evaluation"]
    cells: tuple[str, ...]
    title: str

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def run(job: Job, runtime: Runtime, emit: Emit) -> None:
    """Run a job in this process. A failing cell is recorded, not raised.

    Args:
        job: What to do.
        runtime: How and where.
        emit: Told of progress.
    """
    import torch

    torch.set_num_threads(runtime.threads)
    store = Store(Path(runtime.results))
    if job.kind == "train":
        from benchmark.train.supervised import train

        for cell in job.cells:
            try:
                train(cell, store, runtime, emit)
            except Exception as error:  # noqa: BLE001 - where a training cell's failure is contained
                record_failure(store, cell, "train", error, emit)
            else:
                emit({"event": "done", "cell": cell})
        return
    from benchmark.predict.evaluate import evaluate

    evaluate(job.cells, store, runtime, emit)


def record_failure(
    store: Store, cell: str, stage: str, error: BaseException | str, emit: Emit
) -> None:
    """Write ``failed.json`` and tell the runner."""
    store.fail(cell, stage, error)
    message = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    emit({"event": "failed", "cell": cell, "message": message})


def log_path(job: Job, results: Path) -> Path:
    """Return the file that holds what a job printed."""
    return results / LOGS / f"{job.kind}-{job.cells[0]}.log"


def log_to(path: Path) -> None:
    """Send this process's stdout and stderr to a file: libraries print, the display stays whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def die_with_parent(parent: int, interval_s: float = 1.0) -> None:
    """End this process soon after its parent is gone, even if the parent was killed.

    Otherwise a killed sweep would leave processes that write into the folder of the next one.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(interval_s)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="die-with-parent").start()
