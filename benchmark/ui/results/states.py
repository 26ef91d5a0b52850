"""States of the cells of a dataset, from the names and times of files alone.

`Store.state` also compares digests, which takes too long for a page that asks every two seconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

CellState = Literal["done", "failed", "started", "waiting", "blocked"]


class CellStates:
    """States of the cells of one store, where finished ones are looked up once.

    Args:
        cells: Folder of the cells.
    """

    def __init__(self, cells: Path) -> None:
        self._folder = cells
        self._finished: dict[str, float] = {}

    def present(self) -> set[str]:
        """Return the ids that have a folder, and forget finished cells that have none any more."""
        try:
            names = {entry.name for entry in os.scandir(self._folder)}
        except OSError:
            names = set()
        for gone in self._finished.keys() - names:
            del self._finished[gone]
        return names

    def of(self, cells: Iterable[Mapping[str, Any]], present: set[str]) -> dict[str, CellState]:
        """Return the state of each cell of a record by its id.

        Args:
            cells: Entries of a record, in any order.
            present: Result of `present`.

        Returns:
            ``started`` for a cell without a result, whether a process still works on it or not;
            ``blocked`` for one that depends on a failed cell.
        """
        listed = list(cells)
        states = {cell["id"]: self._state(cell["id"], cell["id"] in present) for cell in listed}
        for cell in listed:
            if states[cell["id"]] == "waiting" and any(
                states.get(parent) in ("failed", "blocked") for parent in cell["depends_on"]
            ):
                states[cell["id"]] = "blocked"
        return states

    def finished_at(self, cell: str) -> float:
        """Return the time at which a finished cell was finished, in seconds since 1970."""
        return self._finished[cell]

    def changed_at(self, cell: str) -> tuple[float, float]:
        """Return the times of the first and of the last change in the folder of a cell."""
        try:
            times = [entry.stat().st_mtime for entry in os.scandir(self._folder / cell)]
        except OSError:  # removed, or a temporary file was renamed
            return (0.0, 0.0)
        return (min(times), max(times)) if times else (0.0, 0.0)

    def _state(self, cell: str, present: bool) -> CellState:
        if cell in self._finished:
            return "done"
        if not present:
            return "waiting"
        folder = self._folder / cell
        try:
            self._finished[cell] = (folder / "metrics.json").stat().st_mtime
        except OSError:
            return "failed" if (folder / "failed.json").is_file() else "started"
        return "done"
