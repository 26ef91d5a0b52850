"""A sweep whose runner is ended or killed is finished by the next run, with the same results."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.bench import Bench

INTERRUPTED = (("train", signal.SIGTERM), ("evaluation", signal.SIGINT))
KILLED = tuple((kind, signal.SIGKILL) for kind in ("train", "train", "evaluation", "evaluation"))
EXITS = {
    signal.SIGTERM: (143, "Terminated by SIGTERM. The same command again continues where it was."),
    signal.SIGINT: (130, "Interrupted by Ctrl-C. The same command again continues where it was."),
    signal.SIGKILL: (-9, ""),
}


@pytest.mark.parametrize(
    "moments",
    [INTERRUPTED, pytest.param(KILLED, marks=pytest.mark.slow)],
    ids=["interrupted", "four kills"],
)
def test_an_ended_sweep_is_finished_with_the_same_bytes(
    finished_sweep: Bench, moments: tuple[tuple[str, signal.Signals], ...]
) -> None:
    ended = Bench(finished_sweep.root, f"ended-{len(moments)}")
    for number, (kind, sent) in enumerate(moments):
        with _ctrl_c_received():
            process = ended.start(ended.run_arguments())
        try:
            _wait_for(ended.results, kind, number, process)
        finally:
            # Only the runner is ended: it ends its jobs, or they notice by themselves.
            process.send_signal(sent)
            _, errors = process.communicate(timeout=120)
        code, line = EXITS[sent]
        assert process.returncode == code
        assert not line or errors.decode().strip() == line
        assert not _left_of(process.pid)
    done = ended.call(ended.run_arguments(), report=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ended.csvs() == finished_sweep.csvs()
    assert ended.call(ended.arguments("verify")).returncode == 0


@contextmanager
def _ctrl_c_received() -> Iterator[None]:
    """Let processes that start within the block receive Ctrl-C, also in a background job."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _left_of(session: int) -> list[str]:
    """Wait for the end of all processes of a session, and return those that do not end."""
    deadline = time.monotonic() + 10
    while (left := _processes(session)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _processes(session: int) -> list[str]:
    """Return state, parent, group and session of the processes of a session."""
    left = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            facts = path.read_text(encoding="utf-8").rpartition(")")[2].split()
            if int(facts[3]) == session and facts[0] != "Z":
                left.append(" ".join(facts[:4]))
    return left


def _wait_for(results: Path, kind: str, number: int, process: subprocess.Popen[bytes]) -> None:
    """Return soon after a file of a cell of ``kind`` was written, a little later each time."""
    names = {"train": "last.ckpt", "evaluation": "predictions.npz"}
    deadline = time.monotonic() + 120
    known = {path: path.stat().st_mtime_ns for path in results.glob(f"cells/*/{names[kind]}")}
    while time.monotonic() < deadline and process.poll() is None:
        for path in results.glob(f"cells/*/{names[kind]}"):
            if known.get(path) != path.stat().st_mtime_ns:
                time.sleep(0.15 * number)
                return
        time.sleep(0.02)
