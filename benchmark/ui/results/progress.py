"""Progress of runs, read from the files of a results folder that any machine may write to."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmark.perturbations import Condition
from benchmark.store.cells import Labels
from benchmark.store.run_record import RunRecord
from benchmark.store.store import Store
from benchmark.ui.results.found import find_datasets, record_of, stamp
from benchmark.ui.results.locks import is_locked
from benchmark.ui.results.logs import last_lines, log_of, newest_logs
from benchmark.ui.results.states import CellStates
from datamodules.common.errors import TagbenchError

ACTIVE_S = 180.0
"""A folder that changed within this time is taken for that of a run, also on another machine."""

MOST_LISTED = 50
"""Number of failures, and of started cells, that one answer lists."""

_RECENT = 30  # finished cells from which the rate is computed
_PAUSE_S = 1800.0  # a longer time without a finished cell is not part of the rate
_MOST_AT_ONCE = 256  # cells of one kind that machines together work on


class Watcher:
    """Reads the progress of all datasets in a results folder, and keeps what cannot change.

    Args:
        results: Results folder, or a folder of such folders.
    """

    def __init__(self, results: Path) -> None:
        self._results = results
        self._states: dict[Path, CellStates] = {}
        self._lock = threading.Lock()

    def progress(self, now: float) -> list[dict[str, Any]]:
        """Return the progress of each dataset; those of running folders first.

        Args:
            now: Seconds since 1970.
        """
        with self._lock:
            present: dict[Path, set[str]] = {}
            found = []
            for name, folder in find_datasets(self._results).items():
                root = folder.parent
                states = self._states.setdefault(root, CellStates(root / "cells"))
                if root not in present:
                    present[root] = states.present()
                try:
                    record = record_of(folder)
                except TagbenchError as error:
                    found.append(_unreadable(name, str(error)))
                    continue
                found.append(_Progress(name, record, Store(root), states, now).read(present[root]))
        order = ("running", "stopped", "failed", "unreadable", "finished")
        return sorted(found, key=lambda one: order.index(one["state"]))


@lru_cache(maxsize=8)
def watcher(results: Path) -> Watcher:
    """Return the watcher of a results folder."""
    return Watcher(results)


def _unreadable(name: str, reason: str) -> dict[str, Any]:
    return {"name": name, "state": "unreadable", "reason": reason}


class _Progress:
    """Progress of one dataset at one time."""

    def __init__(
        self, name: str, record: RunRecord, store: Store, states: CellStates, now: float
    ) -> None:
        self.name, self.record, self.store, self.states, self.now = name, record, store, states, now

    def read(self, present: set[str]) -> dict[str, Any]:
        states = self.states.of(self.record.cells, present)
        by_state: dict[str, list[Mapping[str, Any]]] = {}
        for cell in self.record.cells:
            by_state.setdefault(states[cell["id"]], []).append(cell)
        started = [self._started(cell) for cell in by_state.get("started", ())]
        done = by_state.get("done", [])
        log_times = [log.changed for log in newest_logs(self.store.results)]
        last = max(
            [self.states.finished_at(cell["id"]) for cell in done]
            + [cell["last"] for cell in started]
            + (log_times if started else []),
            default=0.0,
        )
        locked = is_locked(self.store.results)
        left = len(self.record.cells) - len(done) - len(by_state.get("blocked", ()))
        active = bool(started or by_state.get("waiting")) and (
            bool(locked) or self.now - last < ACTIVE_S
        )
        failed = by_state.get("failed", [])
        state = "running" if active else "finished" if not left else "stopped"
        if state == "stopped" and not started and not by_state.get("waiting"):
            state = "failed"
        counts = {
            key: len(by_state.get(key, ()))
            for key in ("done", "started", "failed", "waiting", "blocked")
        }
        return {
            "name": self.name,
            "preset": str(self.record.info["preset"]),
            "state": state,
            "here": bool(locked),
            "counts": {"total": len(self.record.cells), **counts},
            "changed_s": round(self.now - last, 1) if last else None,
            **self._speed(states, active),
            "started": sorted(started, key=lambda one: -one["last"])[:MOST_LISTED],
            "models": _models(self.record, states),
            "n_failures": len(failed),
            "failures": [self._failure(cell) for cell in failed[:MOST_LISTED]],
            "logs": [log.shown(self.now) for log in newest_logs(self.store.results)],
        }

    def _started(self, cell: Mapping[str, Any]) -> dict[str, Any]:
        first, last = self.states.changed_at(cell["id"])
        log = log_of(self.store.results, cell)
        last = max(last, log.changed if log else 0.0)
        return {
            "id": cell["id"], "title": _title(cell), "last": last,
            "since_s": round(self.now - first, 1), "changed_s": round(self.now - last, 1),
        }  # fmt: skip

    def _speed(self, states: Mapping[str, str], active: bool) -> dict[str, Any]:
        """Return the recent rate and the remaining time, extrapolated for each kind of cell."""
        rates, left = [], 0.0
        for kind in sorted({cell["kind"] for cell in self.record.cells}):
            cells = self.record.of_kind(kind)
            times = sorted(
                self.states.finished_at(cell["id"])
                for cell in cells
                if states[cell["id"]] == "done"
            )
            todo = sum(states[cell["id"]] in ("started", "waiting") for cell in cells)
            measured, stated = _spacing(times), self._recorded(cells, states) if times else None
            # Copied files have the times of the copy, which would give absurd rates.
            copied = measured and stated and measured < stated / _MOST_AT_ONCE
            spacing = stated if measured is None or copied else measured
            if active and measured and not copied and self.now - times[-1] < _PAUSE_S:
                rates.append(60.0 / measured)
            if todo:
                left = left + todo * spacing if spacing is not None else float("nan")
        known = active and left == left  # not NaN
        return {
            "per_minute": round(max(rates), 3) if rates else None,
            "left_s": round(left) if known else None,
        }

    def _recorded(
        self, cells: Sequence[Mapping[str, Any]], states: Mapping[str, str]
    ) -> float | None:
        """Return the mean time that finished cells state."""
        seconds = []
        for cell in [cell for cell in cells if states[cell["id"]] == "done"][:_RECENT]:
            metrics = self.store.metrics(cell["id"])
            if "seconds" in metrics:
                seconds.append(float(metrics["seconds"]))
            elif "seconds_for_all_models" in metrics:
                seconds.append(float(metrics["seconds_for_all_models"]) / metrics["n_models"])
        return sum(seconds) / len(seconds) if seconds else None

    def _failure(self, cell: Mapping[str, Any]) -> dict[str, Any]:
        path = self.store.folder(cell["id"]) / "failed.json"
        failure = _failed(path, stamp(path)) or {}
        log = log_of(self.store.results, cell)
        return {
            "id": cell["id"],
            "title": _title(cell),
            "stage": str(failure.get("stage", "")),
            "error": str(failure.get("error", "")),
            "message": str(failure.get("message", "")),
            "traceback": last_lines(str(failure.get("traceback", ""))),
            "log": log.name if log else None,
        }


@lru_cache(maxsize=512)
def _failed(path: Path, changed: tuple[int, int] | None) -> dict[str, Any] | None:
    del changed
    return Store(path.parents[2]).failure(path.parent.name)


def _spacing(times: Sequence[float]) -> float | None:
    """Return the mean time between finished cells of the present run; None for too few of them."""
    recent = list(times[-_RECENT:])
    for at in range(len(recent) - 1, 0, -1):
        if recent[at] - recent[at - 1] > _PAUSE_S:
            recent = recent[at:]
            break
    if len(recent) < 3 or recent[-1] <= recent[0]:
        return None
    return (recent[-1] - recent[0]) / (len(recent) - 1)


def _title(cell: Mapping[str, Any]) -> str:
    labels = cell["labels"]
    name = f"{Labels.of(labels).model}, seed {labels['seed']}"
    if cell["kind"] != "evaluation":
        return f"{cell['kind']} {name}"
    return f"evaluate {name}, {Condition.from_labels(labels).label}"


def _models(record: RunRecord, states: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the numbers of finished and failed cells of each model."""
    models: dict[str, dict[str, Any]] = {}
    for cell in record.cells:
        name = str(cell["labels"]["model"])
        blank = {"model": name, "trained": [0, 0], "evaluated": [0, 0], "failed": 0, "started": 0}
        model = models.setdefault(name, blank)
        state = states[cell["id"]]
        count = model["evaluated" if cell["kind"] == "evaluation" else "trained"]
        count[0] += state == "done"
        count[1] += 1
        for key in ("failed", "started"):
            model[key] += state == key
    return list(models.values())
