"""Jobs of a worker process: results, errors, cancellation, time limit, and a process that dies."""

from __future__ import annotations

import os
import time

import pytest

from benchmark.ui.jobs import Job, Jobs
from benchmark.ui.work.reporting import Handler, Payload, Reporter
from datamodules.common.errors import TagbenchError


def make_handler(name: str) -> Handler:
    def handle(payload: Payload, reporter: Reporter) -> object:
        reporter.progress(0.5, "half")
        match payload["do"]:
            case "wait":
                while True:
                    reporter.progress(0.5, "half")
                    time.sleep(0.01)
            case "hang":
                time.sleep(60)
            case "die":
                os._exit(9)
            case "fail":
                raise TagbenchError("No such file.")
        return f"{name} {os.getpid()}"

    return handle


@pytest.fixture
def jobs():
    queue = Jobs(make_handler, ("worker",), most_seconds=2.0)
    yield queue
    queue.close()


def run(jobs: Jobs, what: str) -> Job:
    job = jobs.submit({"do": what})
    assert job.ended.wait(30)
    return job


def test_a_process_serves_all_jobs_and_is_replaced_when_it_dies_or_hangs(jobs: Jobs):
    first = run(jobs, "work")
    assert (first.state, first.progress, first.message) == ("done", 0.5, "half")
    failed = run(jobs, "fail")
    assert (failed.state, failed.error) == ("failed", "No such file.")
    waiting = jobs.submit({"do": "wait"})
    while waiting.state == "queued":
        time.sleep(0.01)
    waiting.cancelled.set()
    assert waiting.ended.wait(30)
    assert waiting.state == "cancelled"
    assert run(jobs, "work").result == first.result  # the same process
    died = run(jobs, "die")
    assert died.state == "failed"
    assert "process ended" in died.error
    assert "Stopped after 2 s" in run(jobs, "hang").error
    last = run(jobs, "work")
    assert last.state == "done"
    assert last.result != first.result
