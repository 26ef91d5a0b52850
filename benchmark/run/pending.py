"""Run the cells that are not done, and process the events of their jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console

from benchmark.plan.jobs import Job, Runtime
from benchmark.run.executors import Executor
from benchmark.run.options import Planned
from benchmark.run.progress import Display
from benchmark.run.schedule import Schedule, jobs_of
from benchmark.run.worker import log_path
from benchmark.store.cells import Cell
from benchmark.store.store import Store
from datamodules.common.errors import TagbenchError


def run_pending(
    planned: Sequence[Planned],
    store: Store,
    runtime: Runtime,
    devices: Sequence[str],
    executor: Executor,
    console: Console,
) -> bool:
    """Run every cell of the planned datasets that is not done yet.

    The plans give the cells and their estimated times. The other arguments and the returned value
    are those of :func:`run_cells`.
    """
    seconds = {c.id: item.estimate.seconds(c) for item in planned for c in item.plan.cells}
    cells = {cell.id: cell for item in planned for cell in item.plan.cells}
    return run_cells(cells, seconds, store, runtime, devices, executor, console)


def run_cells(
    cells: Mapping[str, Cell],
    seconds: Mapping[str, float],
    store: Store,
    runtime: Runtime,
    devices: Sequence[str],
    executor: Executor,
    console: Console,
) -> bool:
    """Run the cells of a graph that are not done yet.

    Args:
        cells: Cells by id.
        seconds: Estimated time of each cell, by id; 0 where it is missing.
        store: Store that holds the cells.
        runtime: Settings that every job receives.
        devices: Devices over which the jobs are distributed.
        executor: Runs the jobs and yields their events.
        console: Console of the progress display.

    Returns:
        Whether there was anything to do.
    """
    states = store.states(cells)
    done = [cell for cell, state in states.items() if state == "done"]
    todo = {cell: seconds.get(cell, 0.0) for cell, state in states.items() if state != "done"}
    console.print(f"{len(states)} cells, {len(done)} done, {len(todo)} to do", highlight=False)
    if not todo:
        return False
    display = Display(console, todo)
    run = _Run(Schedule([cells[cell] for cell in todo], done), cells, store, display)
    with display.live():
        run.fail_dependents(run.schedule.remove_unreachable())
        while ready := run.schedule.ready_cells():
            jobs = jobs_of(ready, todo, len(devices))
            for job, event in executor.execute(jobs, runtime, devices):
                run.handle(job, event)
    return True


class _Run:
    """State of a run: applies the events of jobs to the schedule and the display."""

    def __init__(
        self, schedule: Schedule, cells: Mapping[str, Cell], store: Store, display: Display
    ) -> None:
        self.schedule = schedule
        self.cells = cells
        self.store = store
        self.display = display
        self.current: dict[Job, str] = {}
        """The cell that each job reported last."""

    def handle(self, job: Job, event: Mapping[str, Any]) -> None:
        """Apply one event of a job.

        Raises:
            TagbenchError: No file can be written, for example because the disk is full.
        """
        match event["event"]:
            case "progress":
                self.current[job] = event["cell"]
                self.display.progress(job.title, event)
            case "done":
                self.schedule.finish(event["cell"])
                self.display.cell(event["cell"], self.cells[event["cell"]].title)
            case "failed":
                self.cell_failed(self.cells[event["cell"]], event["message"])
            case "unwritable":
                raise TagbenchError(event["message"])
            case "exit":
                self.display.job_ended(job.title)
                self.job_ended(job, event["code"])

    def cell_failed(self, cell: Cell, message: str) -> None:
        """Show a recorded failure, and mark the cells that depend on it as failed."""
        self.display.cell(cell.id, f"{cell.title}: {message}", failed=True)
        self.fail_dependents(self.schedule.fail(cell.id))

    def fail_dependents(self, removed: Iterable[tuple[Cell, str]]) -> None:
        """Record cells as failed because a cell that they depend on failed."""
        for cell, parent in removed:
            if not cell.fails_with_dependency:
                continue
            named = self.cells[parent].title if parent in self.cells else "a cell of another run"
            error = TagbenchError(f"The cell depends on {named} (cell {parent}), which failed.")
            self.store.register(cell)
            self.store.fail(cell.id, cell.kind, error)
            self.display.cell(cell.id, f"{cell.title}: {error}", failed=True)

    def job_ended(self, job: Job, code: int) -> None:
        """Handle the unfinished cells of a job when its process has ended.

        After a crash, the group of the current cell fails and the other cells are run again. If
        the job had reported no cell, all unfinished cells fail. After a normal end there should be
        no unfinished cell; such a cell fails, since it would otherwise be run forever.
        """
        left = []
        for cell in (c for c in job.cells if c.id in self.schedule.waiting):
            if self.store.state(cell.id) == "done":  # its event was lost with the process
                self.schedule.finish(cell.id)
            else:
                left.append(cell)
        current = self.cells.get(self.current.get(job, ""))
        current_group = [
            c for c in left if current is not None and c.group_key == current.group_key
        ]
        message = (
            f"The process ended with code {code} (a negative code is a signal; -9 is often "
            f"caused by lack of memory). See {log_path(job, self.store.results)}"
        )
        for cell in current_group or left:
            self.store.register(cell)
            self.store.fail(cell.id, cell.kind, message)
            self.cell_failed(cell, message)
