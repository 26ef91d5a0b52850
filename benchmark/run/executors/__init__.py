"""Where jobs run: an executor is a module of this package with the functions of :class:`Executor`.

The results are the same whichever executor ran them: a job is plain data, and it reads and writes
the results folder alone.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

from benchmark.plan.jobs import Job, Runtime
from datamodules.common.errors import unknown_name


class Executor(Protocol):
    """The functions that the module of an executor has."""

    def start_server(self) -> None:
        """Start what takes time, so that its start-up overlaps with planning."""

    def available_devices(self) -> tuple[str, ...]:
        """Return a device for every job that may run at once."""

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
        TagbenchError: It does not exist, or what it needs is not installed.
    """
    check(name)
    return cast(Executor, import_module(f"{__name__}.{name}"))


def check_devices(name: str, devices: Sequence[str]) -> None:
    """Raise when a device that was asked for is not there.

    Args:
        name: Name of an executor.
        devices: ``"cpu"`` or ``"cuda:<index>"``.

    Raises:
        TagbenchError: A device is not one of the executor's; the message names those.
    """
    if set(devices) <= {"cpu"}:
        return
    valid = sorted({"cpu", *load(name).available_devices()})
    for device in devices:
        if device not in valid:
            raise unknown_name("device", device, valid, "--devices")
