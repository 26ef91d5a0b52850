"""Worker processes that run jobs on tracks; a worker that exits does not stop the run.

Each worker is a new interpreter that runs `serve`. It imports neither the caller's ``__main__``
nor torch.
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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import shared_lock

# The processes use all cores. More threads would compete for them, and may change rounding.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


R_co = TypeVar("R_co", covariant=True)


class Job(Protocol[R_co]):
    """Work on several tracks. It can be pickled, and its module must not import torch."""

    def run(self, on_track: Callable[[], None]) -> R_co:
        """Do the work.

        Args:
            on_track: Called after each track.
        """


R = TypeVar("R")
J = TypeVar("J", bound=Job)  # type: ignore[type-arg]  # any result


@dataclass(frozen=True)
class TrackFinished:
    """A worker has finished one track of its job."""


@dataclass(frozen=True)
class JobFinished(Generic[J, R]):
    """A worker has finished its job; ``report`` is the outcome."""

    job: J
    report: R


@dataclass(frozen=True)
class JobFailed:
    """A job raised an error.

    Attributes:
        number: ``errno`` of an `OSError`; 0 for any other error.
        text: Message of the `OSError`, or the traceback.
    """

    number: int
    text: str


@dataclass(frozen=True)
class WorkerExited(Generic[J]):
    """A worker exited during a job, whose shard is lost.

    Attributes:
        job: The job.
        finished: Number of tracks of the job that were finished.
        status: Exit status of the process; ``-N`` if signal N ended it.
    """

    job: J
    finished: int
    status: int


Event = TrackFinished | JobFinished[J, R] | JobFailed | WorkerExited[J]
"""What `Pool.run` yields."""


@dataclass
class _Worker(Generic[J]):
    process: subprocess.Popen[bytes]
    connection: Connection
    job: J | None = None
    finished: int = 0
    ready: bool = False


class Pool(Generic[J, R]):
    """Runs jobs in worker processes.

    Args:
        workers: Largest number of processes.
        lock: File that each process locks while it runs, so that the next run can wait for the
            processes of a run that was killed.
    """

    def __init__(self, workers: int, lock: Path) -> None:
        self._lock = lock
        self._max_workers = workers
        self._workers: list[_Worker[J]] = []

    def __enter__(self) -> Pool[J, R]:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.connection.close()
            if worker.job is not None:
                worker.process.kill()
        for worker in self._workers:
            worker.process.wait()

    def run(self, jobs: deque[J]) -> Iterator[Event[J, R]]:
        """Run all jobs, and yield an event for each finished track, finished job, error and exit.

        Args:
            jobs: Jobs to run; the caller may append jobs between two events.

        Raises:
            TagbenchError: If a worker cannot start or a source cannot be pickled.
        """
        while True:
            self._assign(jobs)
            busy = {worker.connection: worker for worker in self._workers if worker.job}
            if not busy:
                return
            for connection in wait(list(busy)):
                event = self._receive(busy[connection])  # type: ignore[index]
                if event is not None:
                    yield event

    def _assign(self, jobs: deque[J]) -> None:
        idle = [worker for worker in self._workers if worker.job is None]
        while jobs and (idle or len(self._workers) < self._max_workers):
            worker = idle.pop() if idle else self._start()
            worker.job, worker.finished = jobs.popleft(), 0
            # A worker that has exited is detected by _receive.
            try:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    worker.connection.send(worker.job)
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                raise TagbenchError(
                    f"A job cannot be sent to a worker process: {error}. Define the class of its "
                    "source or view at module level, with attributes that can be pickled."
                ) from error

    def _start(self) -> _Worker[J]:
        own_end, worker_end = Pipe()
        code = f"import sys; from {__name__} import serve; serve(*sys.argv[1:])"
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        environment = {**os.environ, **_ONE_THREAD, "PYTHONPATH": path}
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(worker_end.fileno()), str(self._lock)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(worker_end.fileno(),),
            env=environment,
        )
        worker_end.close()
        worker: _Worker[J] = _Worker(process, own_end)
        self._workers.append(worker)
        return worker

    def _receive(self, worker: _Worker[J]) -> Event[J, R] | None:
        try:
            message = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            return self._remove_exited(worker)
        job = worker.job
        if message == "ready":
            worker.ready = True
        elif isinstance(message, TrackFinished):
            worker.finished += 1
            return message
        elif job is not None:
            worker.job = None
            return message if isinstance(message, JobFailed) else JobFinished(job, message)
        return None

    def _remove_exited(self, worker: _Worker[J]) -> Event[J, R] | None:
        self._workers.remove(worker)
        worker.connection.close()
        status = worker.process.wait()
        if not worker.ready:
            raise TagbenchError(
                f"A worker process could not start (exit status {status}); see its output above. "
                f"Check the installation with `python -c 'import {__name__}'`."
            )
        return WorkerExited(worker.job, worker.finished, status) if worker.job else None


def serve(descriptor: str, lock: str) -> None:
    """Run jobs until the other end of the pipe is closed; the main function of a worker.

    Args:
        descriptor: File descriptor of the pipe.
        lock: File to lock while this process runs.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The main process handles Ctrl-C.
    lock_file = shared_lock(Path(lock))
    connection: Connection = Connection(int(descriptor))
    try:
        connection.send("ready")
        # The MP3 decoder prints warnings about harmless defects without the name of the file.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        while True:
            connection.send(_answer(connection))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        lock_file.close()


def _answer(connection: Connection) -> object:
    """Run the next job; return its report, or why it failed."""
    try:
        job: Job[object] = connection.recv()
        return job.run(lambda: connection.send(TrackFinished()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except OSError as error:
        return JobFailed(error.errno or 0, str(error))
    except Exception:  # noqa: BLE001  the main process raises it
        return JobFailed(0, traceback.format_exc())
