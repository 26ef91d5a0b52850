"""A sweep whose runner is killed is finished by the next run, with the same results."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.bench import Bench


@pytest.mark.parametrize(
    "moments",
    [
        ("train", "evaluation"),
        pytest.param(("train", "train", "evaluation", "evaluation"), marks=pytest.mark.slow),
    ],
    ids=["two kills", "four kills"],
)
def test_kill_then_finish_gives_the_same_bytes(
    finished_sweep: Bench, moments: tuple[str, ...]
) -> None:
    killed = Bench(finished_sweep.root, f"killed-{len(moments)}")
    for number, kind in enumerate(moments):
        process = killed.start(killed.run_arguments())
        try:
            _wait_for(killed.results, kind, number, process)
        finally:
            # Only the runner is killed: its jobs must notice by themselves.
            process.send_signal(signal.SIGKILL)
            process.wait()
        time.sleep(2.5)
    done = killed.call(killed.run_arguments(), report=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert killed.csvs() == finished_sweep.csvs()
    assert killed.call(killed.arguments("verify")).returncode == 0


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
