"""Estimates of disk use, and the check of free space."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from datamodules.audio.sources import FileSource
from datamodules.common.errors import TagbenchError
from datamodules.corpus.disk_estimate import estimate_disk
from datamodules.corpus.track import Track
from tests.support.audio_files import noise, write
from tests.support.sources import WatchedSource, reads, run, watched


def test_disk_use_is_estimated_from_headers(tmp_path: Path) -> None:
    write(tmp_path / "x.wav", noise(3.0, 44100), 44100)
    measured = Track("x", "train", (), FileSource(tmp_path / "x.wav", "x.wav"))
    timed = Track("y", "train", (), WatchedSource(0), seconds=5.0)
    estimate = estimate_disk([measured] * 25 + [timed] * 25, 16000)
    assert estimate.seconds == pytest.approx(50 * 4.0, rel=1e-6)
    assert estimate.bytes == pytest.approx(50 * 4.0 * 32000, rel=0.01)
    assert str(estimate) == "50 tracks, about 3.3 min of audio, about 6.4 MB"


def test_a_disk_that_is_too_small_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=50_000)
    monkeypatch.setattr("datamodules.common.filesystem.shutil.disk_usage", lambda _: usage)
    with pytest.raises(TagbenchError, match=r"Not enough disk space in .* 50\.0 kB free"):
        run([replace(t, seconds=30.0) for t in watched(4, tmp_path / "log")], tmp_path / "c")
    assert not reads(tmp_path / "log")
