"""Select the cells that can run now, from the graph of dependencies, and pack them into jobs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from benchmark.plan.jobs import Job
from benchmark.store.cells import Cell

Key = TypeVar("Key", bound=Hashable)


class Schedule:
    """The cells of a run that are still to do.

    Args:
        cells: Cells to do, in the order in which they are listed.
        done: Ids of cells that are done.
    """

    def __init__(self, cells: Iterable[Cell], done: Iterable[str]) -> None:
        self.waiting = {cell.id: cell for cell in cells}
        self.done = set(done)

    def finish(self, cell: str) -> None:
        """Mark a cell as done."""
        self.waiting.pop(cell, None)
        self.done.add(cell)

    def fail(self, cell: str) -> list[tuple[Cell, str]]:
        """Mark a cell as failed, and remove all cells that depend on it.

        Returns:
            The removed cells, each with the id of the dependency that failed.
        """
        self.waiting.pop(cell, None)
        return self._remove_dependents({cell})

    def remove_unreachable(self) -> list[tuple[Cell, str]]:
        """Remove all cells that depend on a cell that is neither done nor part of the run."""
        needed = {parent for cell in self.waiting.values() for parent in cell.depends_on}
        return self._remove_dependents(needed - self.done - set(self.waiting))

    def _remove_dependents(self, failed: set[str]) -> list[tuple[Cell, str]]:
        removed: list[tuple[Cell, str]] = []
        while failed:
            children = [
                (cell, parent)
                for cell in self.waiting.values()
                for parent in cell.depends_on
                if parent in failed
            ]
            removed += {cell.id: (cell, parent) for cell, parent in children}.values()
            failed = {cell.id for cell, _ in children}
            for cell in failed:
                self.waiting.pop(cell)
        return removed

    def ready_cells(self) -> list[Cell]:
        """Return the cells that can run now.

        Cells of one group run together: a group waits until all of its cells can run.
        """
        ready = [
            cell
            for cell in self.waiting.values()
            if not any(parent in self.waiting for parent in cell.depends_on)
        ]
        ready_ids = {cell.id for cell in ready}
        blocked = {c.group_key for c in self.waiting.values() if c.id not in ready_ids}
        whole = [cell for cell in ready if cell.group_key not in blocked]
        return whole or ready


def jobs_of(cells: Sequence[Cell], seconds: Mapping[str, float], n_devices: int) -> list[Job]:
    """Pack cells that can run at one time into jobs, the longest first.

    The groups of cells that may share a job are distributed over the devices. The longest job
    comes first, so that the devices finish at about the same time.

    Args:
        cells: From :meth:`Schedule.ready_cells`.
        seconds: Estimated time of each cell.
        n_devices: Number of jobs that run at the same time.
    """
    jobs = []
    for job_cells in _grouped(cells, lambda cell: cell.job_key).values():
        groups = list(_grouped(job_cells, lambda cell: cell.group_key).values())
        for first in range(min(n_devices, len(groups))):
            assigned = [cell for group in groups[first::n_devices] for cell in group]
            jobs.append(Job(tuple(assigned), assigned[0].job_title))
    jobs.sort(key=lambda job: -sum(seconds.get(cell.id, 0.0) for cell in job.cells))
    return jobs


def _grouped(cells: Iterable[Cell], key: Callable[[Cell], Key]) -> dict[Key, list[Cell]]:
    groups: dict[Key, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(key(cell), []).append(cell)
    return groups
