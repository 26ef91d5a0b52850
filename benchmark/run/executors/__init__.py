"""Executors run jobs. Each is a module of this package with the functions of :class:`Executor`.

The results do not depend on the executor: a job is plain data, and it reads and writes only the
results folder.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

from benchmark.plan.jobs import Job, Runtime
from datamodules.common.errors import unknown_name


class Executor(Protocol):
    """Functions that the module of an executor defines."""

    def start_server(self) -> None:
        """Start the servers of the executor, so that their start-up overlaps with planning."""

    def available_devices(self) -> tuple[str, ...]:
        """Return one device for each job that can run at the same time."""

    def threads(self, n_devices: int) -> int:
        """Return the CPU threads that each of ``n_devices`` jobs may use."""

    def execute(
        self, jobs: Sequence[Job], runtime: Runtime, devices: Sequence[str]
    ) -> Iterator[tuple[Job, Mapping[str, Any]]]:
        """Run jobs and yield their events; the last of each is ``exit`` with a ``code``."""


def names() -> list[str]:
    """Return the names of all executors: the modules of this package."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def check(name: str) -> None:
    """Raise when there is no executor of that name."""
    if name not in names():
        raise unknown_name("executor", name, names(), "--executor")


def load(name: str) -> Executor:
    """Import an executor.

    Raises:
        TagbenchError: It does not exist, or a package that it requires is not installed.
    """
    check(name)
    return cast(Executor, import_module(f"{__name__}.{name}"))


def check_devices(name: str, devices: Sequence[str]) -> None:
    """Check that the requested devices exist.

    Args:
        name: Name of an executor.
        devices: ``"cpu"`` or ``"cuda:<index>"``.

    Raises:
        TagbenchError: The executor does not have a device; the message lists the valid ones.
    """
    if set(devices) <= {"cpu"}:
        return
    valid = sorted({"cpu", *load(name).available_devices()})
    for device in devices:
        if device not in valid:
            raise unknown_name("device", device, valid, "--devices")
