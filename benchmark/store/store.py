"""Results on disk: one folder per cell, whose state is read from its files; writes are atomic.

``plans/`` contains a file for each matrix that was run; it describes cells that have no folder yet.
In the folder of a cell, ``cell.json`` is written first and contains the preimage of the id.
``metrics.json`` is written last, by ``os.replace``, and contains the sha256 of each result file. A
cell is done if ``metrics.json`` exists and the digests match, so that an interrupted cell is never
done.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from benchmark.config.identity import canonical
from benchmark.store.cell_kinds import read_cell
from benchmark.store.cells import Cell
from benchmark.store.files import file_sha256, read_json, write_json
from benchmark.store.plans import Plan, planned_cells
from datamodules.common.errors import TagbenchError

State = Literal["done", "failed", "pending"]


class Store:
    """The folder ``results/``.

    Args:
        results: Root folder; cells are in ``results/cells/<id>/``.
    """

    def __init__(self, results: Path) -> None:
        self.results = results
        self.cells = results / "cells"
        self.plans = results / "plans"

    def folder(self, cell: str) -> Path:
        """Return the folder of a cell id."""
        return self.cells / cell

    def register(self, cell: Cell) -> None:
        """Create the cell's folder and ``cell.json``, or update its labels and launch values.

        Raises:
            TagbenchError: ``cell.json`` holds another preimage.
        """
        folder = self.folder(cell.id)
        folder.mkdir(parents=True, exist_ok=True)
        new = cell.to_json()
        path = folder / "cell.json"
        if path.is_file():
            old = self._read_or_none(path)
            if old == new:
                return
            if old is not None and old["preimage"] != new["preimage"]:
                raise TagbenchError(
                    f"{path} holds another configuration under the same id. It was edited, or the "
                    f"hash collided: remove the folder {folder} and run again."
                )
        write_json(path, new)

    def register_plan(self, plan: Plan) -> None:
        """Write the plan's file, from which a cell without a folder can be read.

        The folder of a cell is created when the cell starts. Existing folders of models are
        updated, because a checkpoint is loaded from the class that ``launch`` names.
        """
        document = plan.to_json()
        digest = hashlib.sha256(canonical(document).encode("ascii")).hexdigest()[:16]
        path = self.plans / f"{digest}.json"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, document, indent=None)
        for cell in plan.models:
            if (self.folder(cell.id) / "cell.json").is_file():
                self.register(cell)

    def copy_plans(self, other: Store) -> None:
        """Copy the plans of another results folder, so that its cells can be run here too."""
        for path in sorted(other.plans.glob("*.json")):
            if not (self.plans / path.name).is_file():
                self.plans.mkdir(parents=True, exist_ok=True)
                write_json(self.plans / path.name, read_json(path))

    def read(self, cell: str) -> dict[str, Any]:
        """Return ``cell.json`` of an id, or its planned content if the cell has not started.

        Raises:
            TagbenchError: The cell has no folder and is in no plan.
        """
        path = self.folder(cell) / "cell.json"
        if path.is_file():
            value: dict[str, Any] = read_json(path)
            return value
        for plan in sorted(self.plans.glob("*.json")):
            for planned in planned_cells(read_json(plan)):
                if planned.id == cell:
                    return planned.to_json()
        raise TagbenchError(f"There is no cell {cell!r} in {self.cells}.")

    def cell(self, cell: str) -> Cell:
        """Return the cell of an id.

        Raises:
            TagbenchError: There is no such cell, or this version does not support its kind.
        """
        return read_cell(self.read(cell))

    def state(self, cell: str) -> State:
        """Return whether a cell is done, failed or pending."""
        folder = self.folder(cell)
        metrics = self._read_or_none(folder / "metrics.json")
        if metrics is not None and self._files_match(folder, metrics.get("files", {})):
            return "done"
        return "failed" if (folder / "failed.json").is_file() else "pending"

    def states(self, cells: Iterable[str]) -> dict[str, State]:
        """Return the state of each cell by its id; faster than :meth:`state` for pending cells."""
        present = {path.name for path in self.cells.glob("*")}
        return {cell: self.state(cell) if cell in present else "pending" for cell in cells}

    def trained_tags(self, cells: Iterable[str]) -> tuple[str, ...] | None:
        """Return the tags that a model was trained on, as one of ``cells`` states; None for all."""
        done = [self.metrics(cell) for cell in cells if self.state(cell) == "done"]
        stated = [metrics["trained_tags"] for metrics in done if "trained_tags" in metrics]
        return tuple(stated[0]) if stated else None

    def metrics(self, cell: str) -> dict[str, Any]:
        """Return ``metrics.json`` of a finished cell."""
        value: dict[str, Any] = read_json(self.folder(cell) / "metrics.json")
        return value

    def failure(self, cell: str) -> dict[str, Any] | None:
        """Return ``failed.json`` of a cell, or None."""
        value: dict[str, Any] | None = self._read_or_none(self.folder(cell) / "failed.json")
        return value

    def finish(self, cell: str, metrics: Mapping[str, Any], files: Sequence[str]) -> None:
        """Mark a cell as done.

        Args:
            cell: Id.
            metrics: Metrics and provenance to store.
            files: Result files inside the folder, already complete.
        """
        folder = self.folder(cell)
        digests = {name: file_sha256(folder / name) for name in files}
        (folder / "failed.json").unlink(missing_ok=True)
        write_json(folder / "metrics.json", {**metrics, "files": digests})

    def fail(self, cell: str, stage: str, error: BaseException | str) -> None:
        """Record the stage and the error of a failed cell in ``failed.json``."""
        if isinstance(error, str):
            kind, text, trace = "ProcessDied", error, ""
        else:
            kind, text = type(error).__name__, str(error)
            trace = "".join(traceback.format_exception(error))
        folder = self.folder(cell)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(
            folder / "failed.json",
            {"stage": stage, "error": kind, "message": text, "traceback": trace},
        )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the results folder against a second run.

        Raises:
            TagbenchError: Another run holds the lock, which is released when its process ends.
        """
        self.results.mkdir(parents=True, exist_ok=True)
        with (self.results / ".lock").open("w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise TagbenchError(
                    f"Another tagbench run is writing to {self.results}. Wait until it has "
                    "finished, or name another results folder with --results."
                ) from error
            yield

    @staticmethod
    def _read_or_none(path: Path) -> Any:
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    @staticmethod
    def _files_match(folder: Path, digests: Mapping[str, str]) -> bool:
        return bool(digests) and all(
            (folder / name).is_file() and file_sha256(folder / name) == digest
            for name, digest in digests.items()
        )
