"""Speed of each model: forward pass and training step, compared with the plain transcription.

The two forms run in turn (A B A B), and the ratio of times is taken turn by turn. Other load on the
machine then slows down both forms, and hardly changes the median ratio.
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

from benchmark.speed.task import BenchTask, Dtype, Facts, Form, Mode
from datamodules.common.errors import TagbenchError

MODES: tuple[Mode, ...] = ("forward", "step")
_TURN_S = 0.3  # a turn lasts at least this long
_PROBE_BATCH = 2
_MEMORY_SHARE = 0.7


@dataclass(frozen=True)
class ModelRow:
    """One row of the table: a model at a batch size, in one mode.

    Attributes:
        model: Name of the model file.
        mode: ``"forward"`` or ``"step"``, a training step.
        batch: Windows in a batch.
        dtype: Arithmetic, see `BenchTask`.
        threads: CPU threads; 0 is PyTorch's choice.
        ours_windows_per_s: Throughput of our form, from the median time of a turn.
        plain_windows_per_s: Throughput of the plain form; NaN if there is none.
        speedup: Median over the turns of the plain form's time divided by ours.
        speedup_low: Lower quartile of that ratio.
        speedup_high: Upper quartile.
        ours_peak_mib: Peak memory of our form minus that of the idle model, in MiB.
        plain_peak_mib: Peak memory of the plain form minus that of the idle model, in MiB.
        max_difference: Largest difference between the probabilities of the two forms.
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


def _serve(connection: Connection, task: BenchTask) -> None:
    from benchmark.speed.worker import serve

    serve(connection, task)


class Worker:
    """A process that runs one model, seen from the process that started it."""

    def __init__(self, task: BenchTask) -> None:
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
    def task(self) -> BenchTask:
        """The model that the process runs."""
        return self._task

    def _receive(self) -> Any:
        try:
            kind, content = self.connection.recv()
        except EOFError:
            kind, content = "failed", "the process ended without an answer"
        if kind == "failed":
            raise TagbenchError(f"Cannot measure {self.task}:\n{content}")
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
def running(task: BenchTask) -> Iterator[Worker]:
    """Start a process for a task, and end it on exit."""
    worker = Worker(task)
    try:
        yield worker
    finally:
        worker.close()


@dataclass(frozen=True)
class Options:
    """Settings of the measurement.

    Attributes:
        batches: Batch sizes.
        repeats: Turns of each form.
        device: Device, see `BenchTask`.
        dtype: Arithmetic, see `BenchTask`.
        threads: CPU threads, see `BenchTask`.
    """

    batches: Sequence[int] = (16, 64)
    repeats: int = 5
    device: str = ""
    dtype: Dtype = "fp32"
    threads: int = 0

    def task(self, model: str, form: Form, batch: int) -> BenchTask:
        """Return the request for one process."""
        return BenchTask(model, form, batch, self.device, self.dtype, self.threads)


def model_facts(model: str, options: Options) -> Facts:
    """Return the facts of a model, from a process that builds it."""
    with running(options.task(model, "ours", 1)) as worker:
        return worker.facts


def measure(
    model: str, facts: Facts, options: Options, announce: Callable[[str], None]
) -> Iterator[ModelRow]:
    """Yield the rows of one model.

    Args:
        model: Name of a model file.
        facts: See `model_facts`.
        options: Settings of the measurement.
        announce: Receives a message for each batch size that is left out.
    """
    forms: tuple[Form, ...] = ("ours", "plain") if facts.has_plain else ("ours",)
    with running(options.task(model, forms[-1], _PROBE_BATCH)) as probe:
        per_window = probe.ask("peak_bytes", "step") / _PROBE_BATCH
    for batch in options.batches:
        needed, free = per_window * batch * len(forms), _free_memory()
        if facts.device == "cpu" and needed > _MEMORY_SHARE * free:
            need, have = needed / 2**30, free / 2**30
            announce(
                f"{model}, batch {batch}: left out, needs {need:.1f} GiB of {have:.1f} GiB free"
            )
            continue
        with ExitStack() as stack:
            workers = [
                stack.enter_context(running(options.task(model, form, batch))) for form in forms
            ]
            yield from timed_rows(workers, options.repeats)


class Runner(Protocol):
    """Interface of an object that runs one form of a model, in this or in another process."""

    @property
    def task(self) -> BenchTask:
        """The model that is run."""

    def ask(self, method: str, *arguments: object) -> Any:
        """Call a method of ``worker.Subject`` and return its answer."""


def timed_rows(
    workers: Sequence[Runner], repeats: int, turn_s: float = _TURN_S
) -> Iterator[ModelRow]:
    """Measure one form, or two forms in turn.

    Args:
        workers: Our form, and the plain one if there is one.
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
        yield ModelRow(
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
    """Return the available main memory in bytes; infinite if the system does not state it."""
    file = Path("/proc/meminfo")
    for line in file.read_text().splitlines() if file.is_file() else []:
        if line.startswith("MemAvailable:"):
            return float(line.split()[1]) * 1024
    return math.inf
