"""Where jobs run: an executor is a module with the functions of :class:`Executor`.

Whichever ran a sweep, its results are the same: a job is plain data, and it reads and writes the
results folder alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

from benchmark.plan.jobs import Job, Runtime
from datamodules.common.errors import unknown_name

MODULES = {"local": "benchmark.run.executors.local", "ray": "benchmark.run.executors.ray"}
"""Executors by name; the module of one is imported when it is asked for."""


class Executor(Protocol):
    """What the runner asks of an executor."""

    def start_server(self) -> None:
        """Start what takes time, before the plan is made."""

    def available_devices(self) -> tuple[str, ...]:
        """Return a device for every job that may run at once."""

    def threads(self, n_devices: int) -> int:
        """Return the CPU threads that each of so many jobs may use."""

    def execute(
        self, jobs: Sequence[Job], runtime: Runtime, devices: Sequence[str]
    ) -> Iterator[tuple[Job, Mapping[str, Any]]]:
        """Run jobs and yield their events; the last of each is ``exit`` with a ``code``."""


def check(name: str) -> None:
    """Raise when there is no executor of that name."""
    if name not in MODULES:
        raise unknown_name("executor", name, MODULES, "--executor")


def executor(name: str) -> Executor:
    """Import an executor.

    Raises:
        TagbenchError: It does not exist, or what it needs is not installed.
    """
    check(name)
    return cast(Executor, import_module(MODULES[name]))
