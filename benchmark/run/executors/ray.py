"""The ``ray`` executor: one Ray task per job, on a machine with several GPUs or on a cluster.

It connects to an existing cluster (``RAY_ADDRESS``, or one started on this machine by
``ray start``). Otherwise it starts a local Ray instance, which ends with this process. Every node
needs tagbench, and the results folder and the prepared corpora under the same paths. Each training
runs on one device: ``--devices-per-cell`` is refused.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmark.plan.jobs import PROGRESS_EVERY_S, Job, Runtime
from benchmark.processes import log_to
from benchmark.run.worker import log_path, run
from datamodules.common.errors import TagbenchError

_POLL_S = 0.2
_EVENTS_BYTES = 80 * 2**20  # the minimum of Ray; only events are transferred


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise TagbenchError(
            f"--executor ray needs Ray, which cannot be imported ({error}). Install it with "
            "pip install 'ray>=2.40', or use --executor local, which does not need it."
        ) from error
    return ray


def start_server() -> None:
    """Connect to a cluster, or start a local Ray instance."""
    ray = _ray()
    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address="auto", **quiet)
    except ConnectionError:
        ray.init(
            address="local",
            include_dashboard=False,
            object_store_memory=_EVENTS_BYTES,
            **quiet,
        )
    signal.signal(signal.SIGTERM, on_sigterm)  # Ray replaces it


def available_devices() -> tuple[str, ...]:
    """Return one device per GPU of the cluster, or one per node if there is no GPU.

    Ray makes only the assigned GPU visible to a job, so all GPUs have the name ``cuda:0``.
    """
    start_server()
    ray = _ray()
    gpus = int(ray.cluster_resources().get("GPU", 0))
    nodes = sum(node["Alive"] for node in ray.nodes())
    return ("cuda:0",) * gpus or ("cpu",) * nodes


def threads(n_devices: int) -> int:
    """Return the CPU threads that each of ``n_devices`` jobs may use."""
    return max(1, int(_ray().cluster_resources().get("CPU", 1)) // n_devices)


def execute(
    jobs: Sequence[Job], runtime: Runtime, devices: Sequence[str]
) -> Iterator[tuple[Job, Mapping[str, Any]]]:
    """Run jobs when Ray has resources for them, and yield their events as they arrive.

    Args:
        jobs: In the order in which they should start.
        runtime: Settings of all jobs.
        devices: The first one decides whether a job uses a GPU.
    """
    ray = _ray()
    from ray.util.queue import Queue

    events = Queue(actor_options={"num_cpus": 0})
    runtime = replace(
        runtime,
        results=str(Path(runtime.results).resolve()),  # a worker has another working directory
        data_root=str(Path(runtime.data_root).resolve()),
        device=devices[0],
        start="spawn",  # a Ray worker has threads, which do not survive a fork
    )
    # One process per job and no retries: the runner decides which cells are run again.
    task = ray.remote(max_calls=1, max_retries=0)(_work).options(
        num_cpus=runtime.threads, num_gpus=int(devices[0].startswith("cuda"))
    )
    running = {task.remote(n, job, runtime, events): job for n, job in enumerate(jobs)}
    try:
        while running:
            ended, _ = ray.wait(list(running), timeout=_POLL_S)
            # Read after `ray.wait`: the last events of a job are queued before the job ends.
            for number, event in events.get_nowait_batch(events.qsize()):
                yield jobs[number], event
            for reference in ended:
                yield running.pop(reference), {"event": "exit", "code": _code(reference)}
    finally:
        for reference in running:
            ray.cancel(reference, force=True)
        events.shutdown(force=True)


def _code(reference: Any) -> int:
    """Return 0, or 1 if the job raised or its process died; Ray does not report the signal."""
    ray = _ray()
    try:
        ray.get(reference)
    except ray.exceptions.RayError:
        return 1
    return 0


def _work(number: int, job: Job, runtime: Runtime, events: Any) -> None:
    """Run a job in a Ray worker."""
    log_to(log_path(job, Path(runtime.results)))
    run(job, runtime, _thinned(lambda event: events.put((number, dict(event)))))


def _thinned(send: Callable[[Mapping[str, Any]], None]) -> Callable[[Mapping[str, Any]], None]:
    """Return ``send`` limited to a few progress events per second and cell; others are all sent."""
    last: dict[str, float] = {}

    def emit(event: Mapping[str, Any]) -> None:
        now = time.monotonic()
        early = now - last.get(event["cell"], -PROGRESS_EVERY_S) < PROGRESS_EVERY_S
        if event["event"] == "progress":
            if early:
                return
            last[event["cell"]] = now
        send(event)

    return emit
