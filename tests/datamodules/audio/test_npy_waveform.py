"""Arrays of samples as audio files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr

from datamodules.audio.errors import AudioError
from datamodules.audio.npy_waveform import NpySource
from datamodules.corpus.disk_estimate import estimate_disk
from datamodules.corpus.track import Track
from tests.support.audio_files import noise


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<i2"])
@pytest.mark.parametrize("shape", [(-1,), (1, -1), (-1, 1)])
def test_an_array_of_any_kind_is_the_same_audio(
    tmp_path: Path, dtype: str, shape: tuple[int, ...]
) -> None:
    audio = np.rint(noise(0.1, 16000) * 8192) / 32768
    stored = audio * 32768 if dtype == "<i2" else audio
    np.save(tmp_path / "a.npy", stored.astype(dtype).reshape(shape))
    found = NpySource(tmp_path / "a.npy", "a").read(16000)
    assert found.dtype == np.float32
    assert found.flags.writeable
    assert np.array_equal(found, audio.astype(np.float32))


def test_an_array_of_another_rate_is_resampled(tmp_path: Path) -> None:
    audio = noise(0.5, 22050)
    np.save(tmp_path / "a.npy", audio)
    source = NpySource(tmp_path / "a.npy", "a", rate=22050)
    assert np.array_equal(source.read(16000), soxr.resample(audio, 22050, 16000))
    assert source.seconds() == pytest.approx(0.5)
    assert estimate_disk([Track("a", "train", (), source)], 16000).seconds == pytest.approx(0.5)
    assert source.sha256() != NpySource(tmp_path / "a.npy", "a").sha256()


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((2, 100), np.float32), r"shape \(2, 100\): expected mono"),
        (np.zeros(100, np.int32), "int32 samples: expected float32"),
        (np.zeros(100, np.float16), "float16 samples"),
        (np.array([0, np.nan], np.float32), "not finite"),
        (np.array([0, 1e300]), "not finite"),
        (np.zeros(0, np.float32), "no samples"),
        (np.array([{"a": 1}], dtype=object), "pickled Python objects, which are never loaded"),
    ],
)
def test_what_is_no_audio_is_refused(tmp_path: Path, array: Any, reason: str) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(AudioError, match=reason):
        NpySource(tmp_path / "a.npy", "a").read(16000)


def test_broken_and_absent_arrays_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    with pytest.raises(AudioError, match="missing file") as caught:
        NpySource(path, "a").read(16000)
    assert caught.value.transient
    np.save(path, noise(0.1, 16000))
    path.write_bytes(path.read_bytes()[:1000])
    for content in (path.read_bytes(), b"", b"no array"):
        path.write_bytes(content)
        with pytest.raises(AudioError, match="NumPy array"):
            NpySource(path, "a").read(16000)
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(3))
    with pytest.raises(AudioError, match="archive of arrays"):
        NpySource(path, "a").read(16000)
