"""A tracker, and the list of all trackers.

Each module of this package with a ``TRACKER`` adds one; no registration is needed. The files of the
results folder are the results; a tracker shows them, and is never read back.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.plan.jobs import Runtime
from benchmark.store import open_results
from benchmark.store.results import DatasetResults
from benchmark.tracking.run import Run
from datamodules.common.errors import unknown_name
from datamodules.common.filesystem import replace_file

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger


class Tracker(ABC):
    """Logs the curves of a training while it runs, and finished results from files.

    Attributes:
        name: Name for ``--tracker``.
        title: Name in messages.
        off: Sentence that says how to turn the tracker off.
    """

    name: str
    title: str
    off: str

    @abstractmethod
    def enabled(self, runtime: Runtime) -> bool:
        """Return whether a run logs to this tracker."""

    @abstractmethod
    def check(self) -> None:
        """Raise a ``TagbenchError`` that says what to install if the tracker cannot be used."""

    @abstractmethod
    def training_logger(
        self, cell: str, document: Mapping[str, Any], results: DatasetResults, runtime: Runtime
    ) -> AbstractContextManager[Logger]:
        """Return Lightning's logger for a training cell, which is closed on exit.

        Args:
            cell: Id of the cell.
            document: Content of its ``cell.json``.
            results: Results of its dataset.
            runtime: Settings of the run.
        """

    @abstractmethod
    def write_run(self, run: Run, results: DatasetResults, runtime: Runtime) -> None:
        """Write a run that was read from files, in place of an earlier one with its id."""

    @abstractmethod
    def logged(self, results: DatasetResults) -> Path:
        """Return the folder that holds the digest of the content of each written run, by id."""

    def is_logged(self, results: DatasetResults, run_id: str, content: str) -> bool:
        """Return whether a run was written with the same content."""
        path = self.logged(results) / run_id
        return path.is_file() and path.read_text(encoding="utf-8") == content

    def mark_logged(self, results: DatasetResults, run_id: str, content: str) -> None:
        """Store the digest of the content of a run that was written completely."""
        path = self.logged(results) / run_id
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content.encode())


@cache
def trackers() -> Mapping[str, Tracker]:
    """Return the trackers of all modules of this package by name."""
    package = importlib.import_module(__package__)
    modules = [
        importlib.import_module(f"{__package__}.{module.name}")
        for module in pkgutil.iter_modules(package.__path__)
    ]
    found = [module.TRACKER for module in modules if hasattr(module, "TRACKER")]
    return {tracker.name: tracker for tracker in found}


def check(names: Iterable[str]) -> None:
    """Check the names of ``--tracker`` and that what they need is installed.

    Raises:
        TagbenchError: A name is unknown, or a package is missing.
    """
    for name in names:
        if name not in trackers():
            raise unknown_name("tracker", name, tuple(trackers()), "--tracker")
        trackers()[name].check()


def enabled(runtime: Runtime) -> list[Tracker]:
    """Return the trackers that a run logs to."""
    return [tracker for tracker in trackers().values() if tracker.enabled(runtime)]


@contextmanager
def training_loggers(
    cell: str, document: Mapping[str, Any], runtime: Runtime
) -> Iterator[list[Logger] | bool]:
    """Yield Lightning's loggers for a training cell, or False if nothing is logged."""
    chosen = enabled(runtime)
    if not chosen:
        yield False
        return
    results = open_results(Path(runtime.results))[document["labels"]["dataset"]]
    with ExitStack() as stack:
        yield [
            stack.enter_context(tracker.training_logger(cell, document, results, runtime))
            for tracker in chosen
        ]
    for tracker in chosen:
        tracker.mark_logged(results, cell, cell)
