"""Run a job in the current process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark import determinism
from benchmark.malloc import keep_freed_memory
from benchmark.plan.jobs import Emit, Job, Runtime, record_failure
from benchmark.store.cell_kinds import EvaluationCell, ImportCell, TrainCell
from benchmark.store.cells import Cell
from benchmark.store.store import Store

LOGS = "logs"


@dataclass(frozen=True)
class Worker:
    """The work of a process on the cells of a job; a `benchmark.store.cell_kinds.Context`.

    A failing cell is recorded, not raised.

    Attributes:
        store: Results folder.
        runtime: Settings of the execution.
        emit: Receives the progress and the end of each cell.
    """

    store: Store
    runtime: Runtime
    emit: Emit

    def train(self, cell: TrainCell) -> None:
        """Train a model, or resume its training."""
        from benchmark.train.train_cell import train

        self._attempt(cell, lambda: train(cell.id, self.store, self.runtime, self.emit))

    def copy_checkpoint(self, cell: ImportCell) -> None:
        """Copy an imported checkpoint into its cell."""
        from benchmark.checkpoints.cell_copy import copy_checkpoint

        self._attempt(cell, lambda: copy_checkpoint(cell, self.store))

    def evaluate(self, cells: Sequence[EvaluationCell]) -> None:
        """Evaluate models of one dataset; each condition is decoded and perturbed once."""
        from benchmark.predict.evaluate import evaluate

        evaluate(cells, self.store, self.runtime, self.emit)

    def _attempt(self, cell: Cell, work: Callable[[], None]) -> None:
        try:
            self.store.register(cell)
            work()
        except Exception as error:  # noqa: BLE001 - an error fails this cell only
            record_failure(self.store, cell.id, cell.kind, error, self.emit)
        else:
            self.emit({"event": "done", "cell": cell.id})


def run(job: Job, runtime: Runtime, emit: Emit) -> None:
    """Run a job in this process.

    Args:
        job: Cells of one kind.
        runtime: Settings of the execution.
        emit: Receives the progress and the end of each cell.
    """
    determinism.configure(runtime.device, threads=runtime.threads)
    keep_freed_memory()
    worker = Worker(Store(Path(runtime.results)), runtime, emit)
    type(job.cells[0]).run_together(job.cells, worker)


def log_path(job: Job, results: Path) -> Path:
    """Return the log file of a job."""
    return results / LOGS / f"{job.cells[0].kind}-{job.cells[0].id}.log"
