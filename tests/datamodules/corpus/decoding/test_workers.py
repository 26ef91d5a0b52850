"""Decoding processes: their failures, their end and their imports."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from datamodules.common.errors import TagbenchError
from tests.support.paths import ROOT
from tests.support.prepare_process import start_prepare
from tests.support.progress import ProgressRecorder
from tests.support.sources import WatchedSource, corpus_digests, reads, run, watched


def test_a_decoder_that_dies_rejects_only_its_track(tmp_path: Path) -> None:
    log = tmp_path / "log"
    tracks = watched(12, log)
    for bad in (4, 5, 11):
        tracks[bad] = replace(tracks[bad], source=WatchedSource(bad, behaviour="kill"))
    progress = ProgressRecorder()
    corpus = run(tracks, tmp_path / "c", workers=2, progress=progress)
    assert len(corpus) == 9
    rejected = (tmp_path / "c" / "rejected.csv").read_text()
    assert rejected.count("the decoding process exited twice while decoding it (signal 9)") == 3
    assert progress.done == 12
    good = [track for row, track in enumerate(watched(12)) if row not in (4, 5, 11)]
    assert corpus_digests(corpus) == corpus_digests(run(good, tmp_path / "good"))


def test_a_source_that_cannot_be_sent_is_named(tmp_path: Path) -> None:
    class Local(WatchedSource):
        pass

    with pytest.raises(TagbenchError, match=r"cannot be sent to a worker process: .*Local"):
        run([replace(watched(1)[0], source=Local(0))], tmp_path / "c", workers=1)


def test_workers_end_with_their_parent_process(tmp_path: Path) -> None:
    process = start_prepare(tmp_path, workers=2)
    while not reads(tmp_path / "log"):
        time.sleep(0.01)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        process.kill()
        process.communicate()
        pytest.skip("needs /proc")
    pids = children.read_text().split()
    assert len(pids) == 2
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 10
    while any(_is_running(int(pid)) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_is_running(int(pid)) for pid in pids)


def _is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_workers_import_neither_torch_nor_the_main_module(tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        f"with Path({str(tmp_path / 'imports')!r}).open('a') as file: file.write('main\\n')\n"
        "from tests.support.sources import run, watched\n"
        f"run(watched(4), Path({str(tmp_path / 'c')!r}), workers=2)\n"
        "import datamodules.corpus.decoding.workers\n"
        "assert 'torch' not in sys.modules\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "imports").read_text() == "main\n"
