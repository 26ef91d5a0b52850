"""Processes that decode. One that dies costs the track it died on, not the run.

They are plain interpreters that run `serve`, so neither the caller's ``__main__`` nor torch is
ever imported by them, whatever the caller has loaded.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import traceback
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path

from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import shared_lock
from datamodules.corpus.shards import Job, Report, write_shard

# The processes fill the cores; threads below them would only quarrel, and may change roundings.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Tick:
    """A worker has finished one more track."""


@dataclass(frozen=True)
class Finished:
    """A job is done."""

    job: Job
    report: Report


@dataclass(frozen=True)
class Failed:
    """A job could not be written; ``number`` is the errno, 0 for anything else."""

    number: int
    text: str


@dataclass(frozen=True)
class Died:
    """A worker is gone, and with it its job; it had finished ``ticks`` of its tracks."""

    job: Job
    ticks: int
    status: int


Event = Tick | Finished | Failed | Died


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    connection: Connection
    job: Job | None = None
    ticks: int = 0
    ready: bool = False


class Pool:
    """Runs jobs in other processes.

    Args:
        workers: How many processes.
        lock: File that each of them locks while it lives, so that the next run can wait for
            those that a killed one left behind.
    """

    def __init__(self, workers: int, lock: Path) -> None:
        self._lock = lock
        self._wanted = workers
        self._workers: list[_Worker] = []

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.connection.close()
            if worker.job is not None:
                worker.process.kill()
        for worker in self._workers:
            worker.process.wait()

    def run(self, jobs: deque[Job]) -> Iterator[Event]:
        """Yield what happens until no job is left. Jobs may be added to ``jobs`` meanwhile."""
        while True:
            self._assign(jobs)
            busy = {worker.connection: worker for worker in self._workers if worker.job}
            if not busy:
                return
            for connection in wait(list(busy)):
                event = self._receive(busy[connection])  # type: ignore[index]
                if event is not None:
                    yield event

    def _assign(self, jobs: deque[Job]) -> None:
        idle = [worker for worker in self._workers if worker.job is None]
        while jobs and (idle or len(self._workers) < self._wanted):
            worker = idle.pop() if idle else self._start()
            worker.job, worker.ticks = jobs.popleft(), 0
            # If it is dead, _receive will see that.
            try:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    worker.connection.send(worker.job)
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                raise TagbenchError(
                    f"A source of audio cannot be sent to a decoding process: {error}. Define its "
                    "class at the top of a module, with fields that can be pickled."
                ) from error

    def _start(self) -> _Worker:
        ours, theirs = Pipe()
        code = f"import sys; from {__name__} import serve; serve(*sys.argv[1:])"
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        environment = {**os.environ, **_ONE_THREAD, "PYTHONPATH": path}
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(theirs.fileno()), str(self._lock)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            env=environment,
        )
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _receive(self, worker: _Worker) -> Event | None:
        try:
            message = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            return self._bury(worker)
        job = worker.job
        if message == "ready":
            worker.ready = True
        elif isinstance(message, Tick):
            worker.ticks += 1
            return message
        elif job is not None:
            worker.job = None
            return Finished(job, message) if isinstance(message, Report) else message
        return None

    def _bury(self, worker: _Worker) -> Event | None:
        self._workers.remove(worker)
        worker.connection.close()
        status = worker.process.wait()
        if not worker.ready:
            raise TagbenchError(
                f"A decoding process could not start (exit status {status}); its message is above. "
                f"Check the installation with `python -c 'import {__name__}'`."
            )
        return Died(worker.job, worker.ticks, status) if worker.job else None


def serve(descriptor: str, lock: str) -> None:
    """Do jobs until the other end of the pipe is closed. Runs in its own process.

    Args:
        descriptor: Of the pipe.
        lock: File to lock while this process lives.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that is in charge
    held = shared_lock(Path(lock))
    connection: Connection = Connection(int(descriptor))
    try:
        connection.send("ready")
        # The MP3 decoder writes about harmless oddities, with no word on which file it means.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        while True:
            connection.send(_answer(connection))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        held.close()


def _answer(connection: Connection) -> Report | Failed:
    try:
        job: Job = connection.recv()
        return write_shard(job, lambda: connection.send(Tick()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except OSError as error:
        return Failed(error.errno or 0, str(error))
    except Exception:  # noqa: BLE001  the other side raises it
        return Failed(0, traceback.format_exc())
