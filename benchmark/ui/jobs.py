"""Jobs of a worker process, with progress, time limit and cancellation."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import queue
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import Any, Literal

from fastapi import APIRouter, HTTPException, Request

from benchmark.processes import run_child
from benchmark.ui.work.reporting import Handler, Payload
from benchmark.ui.work.worker import serve_jobs

State = Literal["queued", "running", "done", "failed", "cancelled"]

_KEPT = 64  # finished jobs whose result is kept
_QUEUED = 16
_POLL_S = 0.1
_START_S = 300.0  # maximum duration of the imports of a process
_CANCEL_S = 3.0  # a process that does not react to a cancellation within this time is ended

router = APIRouter()


@dataclass
class Job:
    """One job and its state.

    Attributes:
        payload: Input of the job.
        id: Name in the address of the job.
        state: Its state.
        progress: Share that is done, from 0 to 1.
        message: The current step.
        result: Result of a finished job.
        error: Message of a failed job.
    """

    payload: Payload
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    state: State = "queued"
    progress: float = 0.0
    message: str = "waiting until the models are loaded"
    result: Any = None
    error: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def end(self, state: State, *, result: Any = None, error: str = "") -> None:
        """Record the outcome."""
        self.state, self.result, self.error = state, result, error
        self.ended.set()


class Jobs:
    """Queue of jobs of one worker process, which is started with the first job and kept.

    Args:
        make: Function that the process calls once; it returns the function that runs a job.
        arguments: Arguments of ``make``.
        most_seconds: Maximum duration of a job.
    """

    def __init__(
        self, make: Callable[..., Handler], arguments: tuple[Any, ...], most_seconds: float
    ) -> None:
        self._target = pickle.dumps(serve_jobs)
        self._start_arguments = (make, arguments)
        self._most_seconds = most_seconds
        self._waiting: queue.Queue[Job | None] = queue.Queue(_QUEUED)
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._process: multiprocessing.process.BaseProcess | None = None
        self._starting = threading.Lock()
        self._ready = False
        self._limit = 0.0  # time at which the running job is stopped
        self._connection: Connection
        self._event: Event
        self._thread = threading.Thread(target=self._work, daemon=True, name="jobs")
        self._thread.start()

    def submit(self, payload: Payload) -> Job:
        """Add a job to the queue.

        Raises:
            HTTPException: Too many jobs are waiting.
        """
        job = Job(payload)
        try:
            self._waiting.put_nowait(job)
        except queue.Full:
            raise HTTPException(503, "Too many jobs are waiting.") from None
        self._jobs[job.id] = job
        while len(self._jobs) > _KEPT:
            self._jobs.popitem(last=False)
        return job

    def get(self, job: str) -> Job | None:
        """Return a job by its id."""
        return self._jobs.get(job)

    def warm_up(self) -> None:
        """Start the process, so that the first job finds its imports done."""
        with self._starting:
            if self._process is None:
                self._start()

    def close(self) -> None:
        """End the process; waiting jobs are dropped."""
        for job in self._jobs.values():
            job.cancelled.set()
        self._waiting.put(None)
        self._thread.join(_CANCEL_S)
        self._end_process()

    def _work(self) -> None:
        while (job := self._waiting.get()) is not None:
            if job.cancelled.is_set():
                job.end("cancelled")
                continue
            try:
                self._run(job)
            except Exception as error:  # noqa: BLE001  the queue must go on
                job.end("failed", error=f"{type(error).__name__}: {error}")
                self._end_process()

    def _run(self, job: Job) -> None:
        with self._starting:
            if self._process is None or not self._process.is_alive():
                self._start()
        job.state, job.message = "running", "starting"
        self._event.clear()
        self._connection.send(job.payload)
        self._limit = time.monotonic() + self._most_seconds + (0 if self._ready else _START_S)
        grace = 0.0
        while not job.ended.is_set():
            try:
                if self._connection.poll(_POLL_S):
                    self._receive(job)
            except (EOFError, ConnectionError):
                self._abandon(job, "The process ended: the file or the model needs more memory.")
                return
            now = time.monotonic()
            if job.ended.is_set():
                return
            if now > self._limit:
                self._abandon(job, f"Stopped after {self._most_seconds:g} s, the time limit.")
            elif job.cancelled.is_set():
                self._event.set()
                grace = grace or now + _CANCEL_S
                if now > grace:
                    self._end_process()
                    job.end("cancelled")

    def _receive(self, job: Job) -> None:
        kind, *values = self._connection.recv()
        if kind == "ready":
            self._ready, self._limit = True, time.monotonic() + self._most_seconds
        elif kind == "progress":
            job.progress, job.message = values
        elif kind == "done":
            job.end("done", result=values[0])
        elif kind == "failed":
            job.end("failed", error=values[0])
        else:
            job.end("cancelled")

    def _abandon(self, job: Job, reason: str) -> None:
        self._end_process()
        job.end("failed", error=reason)

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._event = context.Event()
        make, arguments = self._start_arguments
        process = context.Process(
            target=run_child,
            args=(os.getpid(), self._target, make, arguments, theirs, self._event),
            daemon=True,
        )
        process.start()
        theirs.close()
        self._process, self._ready = process, False

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._connection.close()
            self._process = None


@router.get("/api/jobs/{job_id}")
def state(request: Request, job_id: str) -> dict[str, Any]:
    """Return the state of a job, and its result when it is done."""
    job = _job(request, job_id)
    return {
        "state": job.state, "progress": job.progress, "message": job.message,
        "result": job.result, "error": job.error,
    }  # fmt: skip


@router.delete("/api/jobs/{job_id}")
def cancel(request: Request, job_id: str) -> dict[str, str]:
    """Cancel a job."""
    job = _job(request, job_id)
    job.cancelled.set()
    return {"state": job.state}


def _job(request: Request, job_id: str) -> Job:
    app = request.app.state
    job: Job | None = app.jobs.get(job_id) or app.decoders.get(job_id)
    if job is None:
        raise HTTPException(404, "There is no such job: it has ended long ago.")
    return job
