"""Speed of every model: forward pass and training step, ours beside its plain form.

The two run in turn, A B A B, and are compared turn by turn: other work on the machine then slows
down both of a pair, and the median ratio stays.
"""

from __future__ import annotations

import math
import multiprocessing as mp
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import numpy as np

from benchmark.speed.task import Dtype, Facts, Form, Mode, Task
from datamodules.common.errors import TagbenchError

MODES: tuple[Mode, ...] = ("forward", "step")
_TURN_S = 0.3  # a turn lasts at least this long
_PROBE_BATCH = 2
_MEMORY_SHARE = 0.7


@dataclass(frozen=True)
class Row:
    """One line of the table: a model at a batch size, in one mode.

    Attributes:
        speedup: Median over the turns of the plain form's time by ours; its quartiles beside it.
        ours_peak_mib: Most memory held at once, the idle model apart.
        max_difference: Largest difference between the two forms' probabilities.
    """

    model: str
    mode: str
    batch: int
    dtype: str
    threads: int
    ours_windows_per_s: float
    plain_windows_per_s: float
    speedup: float
    speedup_low: float
    speedup_high: float
    ours_peak_mib: float
    plain_peak_mib: float
    max_difference: float


def _serve(connection: Connection, task: Task) -> None:
    from benchmark.speed.worker import serve

    serve(connection, task)


class Worker:
    """The parent's end of a process that runs a model."""

    def __init__(self, task: Task) -> None:
        kind = "forkserver" if "forkserver" in mp.get_all_start_methods() else "spawn"
        context = mp.get_context(kind)
        if kind == "forkserver":
            context.set_forkserver_preload(["benchmark.speed.worker"])
        self._task = task
        self.connection, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(other, task), daemon=True)  # type: ignore[attr-defined]
        self.process.start()
        other.close()
        self.facts: Facts = self._receive()

    @property
    def task(self) -> Task:
        """What the process runs."""
        return self._task

    def _receive(self) -> Any:
        try:
            kind, content = self.connection.recv()
        except EOFError:
            kind, content = "failed", "the process died, perhaps for want of memory"
        if kind == "failed":
            raise TagbenchError(f"Cannot run {self.task}:\n{content}")
        return content

    def ask(self, method: str, *arguments: object) -> Any:
        """Call a method of ``worker.Subject`` and return its answer."""
        self.connection.send((method, arguments))
        return self._receive()

    def close(self) -> None:
        """End the process."""
        self.connection.close()
        self.process.join(10)
        if self.process.is_alive():
            self.process.kill()


@contextmanager
def running(task: Task) -> Iterator[Worker]:
    """Start a process for a task, and end it."""
    worker = Worker(task)
    try:
        yield worker
    finally:
        worker.close()


@dataclass(frozen=True)
class Options:
    """How to measure.

    Attributes:
        batches: Batch sizes.
        repeats: Turns of each form.
        device: ``cpu`` or ``cuda``; empty takes a GPU where there is one.
        dtype: ``fp32``, ``tf32`` or ``bf16``.
        threads: CPU threads; 0 leaves torch's choice.
    """

    batches: Sequence[int] = (16, 64)
    repeats: int = 5
    device: str = ""
    dtype: Dtype = "fp32"
    threads: int = 0

    def task(self, model: str, form: Form, batch: int) -> Task:
        """Return what a process is to run."""
        return Task(model, form, batch, self.device, self.dtype, self.threads)


def survey(model: str, options: Options) -> Facts:
    """Return what a process knows of a model."""
    with running(options.task(model, "ours", 1)) as worker:
        return worker.facts


def measure(
    model: str, facts: Facts, options: Options, say: Callable[[str], None]
) -> Iterator[Row]:
    """Yield the rows of one model.

    Args:
        model: Name of a model file.
        facts: See ``survey``.
        options: How to measure.
        say: Takes a line for people where a batch size is left out.
    """
    forms: tuple[Form, ...] = ("ours", "plain") if facts.has_plain else ("ours",)
    with running(options.task(model, forms[-1], _PROBE_BATCH)) as probe:
        per_window = probe.ask("peak_bytes", "step") / _PROBE_BATCH
    for batch in options.batches:
        needed, free = per_window * batch * len(forms), _free_memory()
        if facts.device == "cpu" and needed > _MEMORY_SHARE * free:
            need, have = needed / 2**30, free / 2**30
            say(f"{model}, batch {batch}: left out, needs {need:.1f} of {have:.1f} GiB free")
            continue
        with ExitStack() as stack:
            workers = [
                stack.enter_context(running(options.task(model, form, batch))) for form in forms
            ]
            yield from timed_rows(workers, options.repeats)


class Runner(Protocol):
    """Runs one form of a model: a `Worker`, or something of this process."""

    @property
    def task(self) -> Task:
        """What it runs."""

    def ask(self, method: str, *arguments: object) -> Any:
        """Call a method of ``worker.Subject`` and return its answer."""


def timed_rows(workers: Sequence[Runner], repeats: int, turn_s: float = _TURN_S) -> Iterator[Row]:
    """Measure one form, or two in turn.

    Args:
        workers: Ours, then the plain one where there is one.
        repeats: Turns of each.
        turn_s: Shortest time of a turn in seconds.

    Yields:
        A row for each mode.
    """
    task = workers[0].task
    outputs = [worker.ask("probabilities") for worker in workers]
    difference = float(np.abs(outputs[0] - outputs[-1]).max()) if len(workers) > 1 else math.nan
    for mode in MODES:
        peaks = [worker.ask("peak_bytes", mode) / 2**20 for worker in workers]
        runs = [max(1, round(turn_s / worker.ask("seconds", mode, 1))) for worker in workers]
        turns = np.array(
            [
                [worker.ask("seconds", mode, n) for worker, n in zip(workers, runs, strict=True)]
                for _ in range(repeats)
            ]
        )  # (repeats, forms), seconds
        rates = [task.batch / median(turns[:, at]) for at in range(len(workers))]
        ratios = turns[:, -1] / turns[:, 0] if len(workers) > 1 else [math.nan]
        low, middle, high = np.quantile(ratios, (0.25, 0.5, 0.75))
        yield Row(
            task.model,
            mode,
            task.batch,
            task.dtype,
            task.threads,
            ours_windows_per_s=rates[0],
            plain_windows_per_s=rates[1] if len(rates) > 1 else math.nan,
            speedup=float(middle),
            speedup_low=float(low),
            speedup_high=float(high),
            ours_peak_mib=peaks[0],
            plain_peak_mib=peaks[1] if len(peaks) > 1 else math.nan,
            max_difference=difference,
        )


def _free_memory() -> float:
    """Return the bytes of main memory that can be had; infinite where the system does not tell."""
    file = Path("/proc/meminfo")
    for line in file.read_text().splitlines() if file.is_file() else []:
        if line.startswith("MemAvailable:"):
            return float(line.split()[1]) * 1024
    return math.inf
