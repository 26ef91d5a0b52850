"""Shards: 16-bit samples with a scale per track, bounded in size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datamodules.corpus.shards import Item, Job, quantise, write_shard
from tests.support.audio_files import noise, snr_db, tone
from tests.support.sources import WatchedSource, reads, run, watched


@pytest.mark.parametrize("level", [1e-6, 0.01, 0.5, 1.0, 3.7])
def test_int16_keeps_loud_and_quiet_alike(level: float) -> None:
    for audio in (tone(440.0, 1.0, 16000, level), level * noise(1.0, 16000)):
        stored, scale = quantise(audio)
        assert stored.dtype == np.dtype("<i2")
        assert np.abs(stored).max() == 32767
        assert snr_db(audio, stored * scale) > 80
        assert snr_db(audio, audio * np.float32(1.01)) < 80  # the bound detects an error of 1 %


def test_silence_stays_silence() -> None:
    stored, scale = quantise(np.zeros(100, dtype=np.float32))
    assert not stored.any()
    assert np.isfinite(scale)
    assert scale > 0


def test_shards_are_bounded(tmp_path: Path) -> None:
    items = tuple(Item(f"t{i}", "", WatchedSource(i, seconds=1.0)) for i in range(6))
    job = Job(tmp_path, 5, 16000, items, max_bytes=3 * 32000)
    report = write_shard(job, lambda: None)
    assert report.taken == len(report.facts) == 3
    assert (tmp_path / "00005.i16").stat().st_size == sum(2 * f.samples for f in report.facts)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00005.i16", "00005.json"]


def test_a_full_shard_passes_the_rest_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datamodules.corpus.decoding.run.MAX_BYTES", 2 * 16000 + 1)
    log = tmp_path / "log"
    corpus = run(watched(9, log), tmp_path / "c")
    assert set(reads(log).values()) == {1}
    sizes = [path.stat().st_size for path in (tmp_path / "c" / "shards").glob("*.i16")]
    assert max(sizes) <= 2 * 16000 + 2 * 16000
    assert len(corpus) == 9
