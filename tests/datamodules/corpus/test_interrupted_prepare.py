"""Preparation that is killed, runs out of disk space or runs twice at once."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from tests.support.prepare_process import start_prepare
from tests.support.sources import corpus_digests, reads, run, watched


@pytest.mark.parametrize("finished", [0, 3])
def test_killed_and_resumed(tmp_path: Path, finished: int) -> None:
    process = start_prepare(tmp_path, workers=2)
    shards = tmp_path / "c" / "shards"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if len(list(shards.glob("*.json"))) >= finished and reads(tmp_path / "log"):
            break
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "c" / "corpus.json").exists(), "too late to prove anything"

    tracks = watched(24, tmp_path / "log", delay_s=0.02)
    corpus = run(tracks, tmp_path / "c")
    assert corpus_digests(corpus) == corpus_digests(run(tracks, tmp_path / "other"))
    assert not list(shards.glob("*.part"))
    counts = reads(tmp_path / "log")
    counts.subtract({track.source.label: 1 for track in tracks})  # those of "other"
    assert min(counts.values()) == 1
    kept = sum(count == 1 for count in counts.values())
    assert kept >= 3 * finished  # 24 tracks for 2 workers: 3 to a shard


def test_a_full_disk_is_reported_and_can_be_resumed(tmp_path: Path) -> None:
    # Six tracks to a shard, and they grow: two shards fit under the limit, two do not.
    _, error = start_prepare(tmp_path, workers=1, limit=115_000).communicate(timeout=60)
    assert "TagbenchError: The disk is full" in error
    assert "run the same command again: what is decoded so far is kept" in error
    shards = tmp_path / "c" / "shards"
    assert not list(shards.glob("*.part"))
    kept = sum(len(json.loads(p.read_text())["tracks"]) for p in shards.glob("*.json"))
    assert kept == 12
    before = sum(reads(tmp_path / "log").values())
    corpus = run(watched(24, tmp_path / "log"), tmp_path / "c")
    assert len(corpus) == 24
    assert sum(reads(tmp_path / "log").values()) == before + 24 - kept


def test_two_at_once_do_the_work_once(tmp_path: Path) -> None:
    both = [start_prepare(tmp_path, workers=1) for _ in range(2)]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0]
    assert reads(tmp_path / "log") == {f"noise/{i:04d}": 1 for i in range(24)}
