"""The ``local`` executor: one process per job on this machine, one job at a time on each device.

Each job has its own process, so that a crash ends that job only. The processes are forked from a
server that has imported torch and Lightning, which saves about ten seconds per job.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from benchmark.plan.jobs import Job, Runtime
from benchmark.processes import log_to
from benchmark.run.worker import log_path, run
from datamodules.common.cpus import usable_cpus

PRELOAD = ("benchmark.train.train_cell", "benchmark.predict.evaluate")


def start_server() -> None:
    """Start the fork server, so that its imports run while this process plans."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOAD))
    multiprocessing.forkserver.ensure_running()  # type: ignore[attr-defined]


def available_devices() -> tuple[str, ...]:
    """Return all CUDA devices, or the CPU if there is none."""
    import torch

    count = torch.cuda.device_count()
    return tuple(f"cuda:{index}" for index in range(count)) or ("cpu",)


def threads(n_devices: int) -> int:
    """Return the CPU threads that each of ``n_devices`` jobs may use."""
    return max(1, usable_cpus() // n_devices)


@dataclass
class _Running:
    job: Job
    devices: tuple[str, ...]
    process: ForkServerProcess
    events: Connection
    life: Connection


def execute(
    jobs: Sequence[Job], runtime: Runtime, devices: Sequence[str]
) -> Iterator[tuple[Job, Mapping[str, Any]]]:
    """Run jobs, each on the next free devices, and yield their events as they arrive.

    The last event of a job is ``{"event": "exit", "code": int}``; a code other than 0 means that
    the process ended unexpectedly (killed, out of memory, segmentation fault).

    Args:
        jobs: In the order in which they should start.
        runtime: Settings of all jobs; ``device`` and ``peers`` are replaced for each job.
        devices: ``"cpu"`` or ``"cuda:<index>"``, one job at a time on each. A training takes
            ``devices_per_cell`` GPUs.
    """
    waiting, free = deque(jobs), deque(devices)
    running: list[_Running] = []
    try:
        while waiting or running:
            while waiting and len(free) >= _n_devices(waiting[0], runtime, devices):
                job = waiting.popleft()
                taken = tuple(free.popleft() for _ in range(_n_devices(job, runtime, devices)))
                running.append(_start(job, runtime, taken))
            for connection in wait([r.events for r in running], timeout=0.5):
                ended = next(r for r in running if r.events is connection)
                event = _receive(ended.events)
                if event is not None:
                    yield ended.job, event
                    continue
                ended.process.join()
                running.remove(ended)
                free.extend(ended.devices)
                ended.events.close()
                ended.life.close()
                yield ended.job, {"event": "exit", "code": ended.process.exitcode}
    finally:
        for left in running:
            left.process.kill()  # Lightning handles SIGTERM only after a step
        for left in running:
            left.process.join()


def _n_devices(job: Job, runtime: Runtime, devices: Sequence[str]) -> int:
    """Return the number of entries of ``devices`` that a job takes.

    The processes of a training on the CPU share one entry: there is a single CPU.
    """
    on_gpu = devices[0].startswith("cuda")
    return runtime.devices_per_cell if on_gpu and job.several_devices else 1


def _start(job: Job, runtime: Runtime, devices: tuple[str, ...]) -> _Running:
    runtime = _shared(runtime, devices) if job.several_devices else runtime
    context = multiprocessing.get_context("forkserver")
    events, send = context.Pipe(duplex=False)
    end, life = context.Pipe(duplex=False)
    process = context.Process(
        target=_work, args=(job, replace(runtime, device=devices[0]), send, end), name=job.title
    )
    process.start()
    send.close()
    end.close()
    return _Running(job, devices, process, events, life)


def _shared(runtime: Runtime, devices: tuple[str, ...]) -> Runtime:
    """Return the settings of a training whose processes share ``devices``."""
    if devices[0].startswith("cuda"):
        return replace(runtime, peers=devices[1:])
    processes = runtime.devices_per_cell
    return replace(
        runtime,
        peers=devices[:1] * (processes - 1),
        threads=max(1, runtime.threads // processes),
    )


def _receive(events: Connection) -> Mapping[str, Any] | None:
    """Return the next event, or None if the process has ended."""
    try:
        event: Mapping[str, Any] = events.recv()
    except Exception:  # noqa: BLE001 - end of file, or a message cut short by a kill
        return None
    return event


def _work(job: Job, runtime: Runtime, events: Connection, end: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the runner handles Ctrl-C
    threading.Thread(target=_exit_with_runner, args=(end,), daemon=True).start()
    log_to(log_path(job, Path(runtime.results)))
    lock = threading.Lock()

    def emit(event: Mapping[str, Any]) -> None:
        with lock:
            events.send(dict(event))

    run(job, runtime, emit)
    events.close()


def _exit_with_runner(end: Connection) -> None:
    """Exit when the runner has ended: its end of the pipe is closed even if it was killed."""
    try:
        end.recv()
    except (EOFError, OSError):
        os._exit(1)
