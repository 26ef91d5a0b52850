"""The screen Sweeps reads the progress of runs from files."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from benchmark.store.files import write_json
from benchmark.store.run_record import RunRecord, write
from benchmark.store.store import Store
from benchmark.ui.results.locks import is_locked
from benchmark.ui.results.logs import read_log
from benchmark.ui.results.progress import ACTIVE_S, Watcher
from datamodules.common.errors import TagbenchError

NOISE = {
    "perturbation": "white_noise", "family": "white_noise", "severity": 3, "level": 15.0,
    "unit": "dB SNR", "protocol": "suite",
}  # fmt: skip


def cell(name: str, model: str, parent: str = "") -> dict:
    labels = {"dataset": "synth", "task": "multilabel", "preset": "quick", "model": model}
    return {
        "id": name, "kind": "evaluation" if parent else "train",
        "labels": {**labels, "seed": 0, **(NOISE if parent else {})},
        "depends_on": [parent] if parent else [],
    }  # fmt: skip


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """One model that is trained and evaluated, one in training, and one whose training failed."""
    cells = (
        cell("aa", "fcn"), cell("ab", "fcn", "aa"), cell("ac", "fcn", "aa"),
        cell("ba", "crnn"), cell("bb", "crnn", "ba"),
        cell("ca", "<b>"), cell("cb", "<b>", "ca"),
    )  # fmt: skip
    store = Store(tmp_path)
    write(RunRecord("synth", {"contract": "{}", "preset": "quick"}, {}, cells), store)
    for name in ("aa", "ab", "ba", "ca"):
        store.folder(name).mkdir(parents=True)
        write_json(store.folder(name) / "cell.json", {})
    write_json(store.folder("aa") / "metrics.json", {"seconds": 60.0, "files": {}})
    write_json(store.folder("ab") / "metrics.json", {"seconds_for_all_models": 6, "n_models": 3})
    store.fail("ca", "train", ValueError("<script>alert(1)</script>"))
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "train-ca.log").write_text("\x1b[31mred\x1b[0m\nstep 1\rstep 2\x07\n", encoding="utf-8")
    return tmp_path


def test_states_are_read_from_the_files_of_a_run_elsewhere(sweep: Path) -> None:
    watcher, now = Watcher(sweep), time.time()
    (found,) = watcher.progress(now)
    assert found["state"] == "running"
    assert not found["here"]
    assert found["counts"] == {
        "total": 7, "done": 2, "started": 1, "failed": 1, "waiting": 2, "blocked": 1,
    }  # fmt: skip
    assert [one["title"] for one in found["started"]] == ["train crnn, seed 0"]
    assert found["left_s"] == 60 + 2 * 2  # one training, and two evaluations as fast as the first
    (failure,) = found["failures"]
    assert failure["title"] == "train <b>, seed 0"
    assert failure["message"] == "<script>alert(1)</script>"
    assert "ValueError" in failure["traceback"]
    assert read_log(sweep, failure["log"]) == "red\nstep 2\n"
    # Another process finishes the training; the next answer has it.
    write_json(sweep / "cells" / "ba" / "metrics.json", {"seconds": 60.0})
    (found,) = watcher.progress(now)
    assert (found["counts"]["done"], found["counts"]["started"]) == (3, 0)
    shutil.rmtree(sweep / "cells" / "ba")
    (found,) = watcher.progress(now)
    assert (found["counts"]["done"], found["counts"]["waiting"]) == (2, 3)
    (found,) = watcher.progress(now + 2 * ACTIVE_S)
    assert found["state"] == "stopped"
    assert found["left_s"] is None


def test_the_rate_comes_from_the_times_of_finished_cells(tmp_path: Path) -> None:
    store, now = Store(tmp_path), time.time()
    cells = [cell("aa", "fcn"), *(cell(f"e{at}", "fcn", "aa") for at in range(8))]
    write(RunRecord("synth", {"contract": "{}", "preset": "quick"}, {}, tuple(cells)), store)
    for at, name in enumerate(["aa", "e0", "e1", "e2", "e3"]):
        path = store.folder(name) / "metrics.json"
        path.parent.mkdir(parents=True)
        write_json(path, {"seconds": 1.0})
        os.utime(path, (now, now - 100 + 20 * at))
    (found,) = Watcher(tmp_path).progress(now)
    assert found["per_minute"] == pytest.approx(3.0)
    assert found["left_s"] == 80


def test_the_lock_of_a_run_is_seen_without_taking_it(tmp_path: Path) -> None:
    if is_locked(tmp_path) is None:
        pytest.skip("this system has no /proc/locks")
    assert is_locked(tmp_path) is False
    with Store(tmp_path).lock():
        if not _listed():
            pytest.skip("this system does not list locks in /proc/locks")
        assert is_locked(tmp_path) is True
    assert is_locked(tmp_path) is False


def _listed() -> bool:
    return "FLOCK" in Path("/proc/locks").read_text(encoding="ascii")


def test_a_log_is_read_by_a_listed_name_only(sweep: Path) -> None:
    (sweep / "secret.log").write_text("secret", encoding="utf-8")
    (sweep / "logs" / "link.log").symlink_to(sweep / "secret.log")
    for name in ("../secret.log", "link.log", "/etc/passwd", "..%2Fsecret.log", ""):
        with pytest.raises(TagbenchError, match="There is no log"):
            read_log(sweep, name)
