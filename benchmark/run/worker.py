"""How a process runs a job."""

from __future__ import annotations

from pathlib import Path

from benchmark import determinism
from benchmark.malloc import keep_freed_memory
from benchmark.plan.jobs import Emit, Job, Runtime, record_failure
from benchmark.store.store import Store

LOGS = "logs"


def run(job: Job, runtime: Runtime, emit: Emit) -> None:
    """Run a job in this process. A failing cell is recorded, not raised.

    Args:
        job: What to do.
        runtime: How and where.
        emit: Told of progress.
    """
    determinism.configure(runtime.device, threads=runtime.threads)
    keep_freed_memory()
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


def log_path(job: Job, results: Path) -> Path:
    """Return the file that holds what a job printed."""
    return results / LOGS / f"{job.kind}-{job.cells[0]}.log"
