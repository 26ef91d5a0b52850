"""Sample rates and samples that no audio has."""

from __future__ import annotations

import re
import resource
import struct
from pathlib import Path

import numpy as np
import pytest

from datamodules.audio.decode import decode, header_seconds
from datamodules.audio.errors import AudioError
from datamodules.audio.npy_waveform import NpySource
from tests.support.audio_files import noise, write


@pytest.mark.parametrize("rate", [1, 999, 4_000_000])
def test_a_rate_that_no_audio_has_is_refused_before_decoding(tmp_path: Path, rate: int) -> None:
    path = write(tmp_path / "x.wav", noise(16.5, 16000), 16000)
    data = bytearray(path.read_bytes())
    struct.pack_into("<II", data, 24, rate, 2 * rate)
    path.write_bytes(data)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**29, limits[1]))
    try:
        with pytest.raises(
            AudioError, match=f"implausible sample rate: the header states {rate} Hz"
        ):
            decode(path, 16000)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert header_seconds(path) is None


def test_files_of_many_channels_are_decoded_in_shorter_blocks(tmp_path: Path) -> None:
    audio = np.tile(noise(0.3, 16000)[:, None], (1, 512))
    path = write(tmp_path / "x.wav", audio, 16000, subtype="FLOAT")
    np.testing.assert_allclose(decode(path, 16000), audio[:, 0], atol=1e-5)


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize(("value", "text"), [(1e29, "1e+29"), (-1e10, "1e+10"), (3e3, "3e+03")])
def test_an_absurd_sample_is_refused_with_its_place(
    tmp_path: Path, rate: int, value: float, text: str
) -> None:
    audio = noise(2.0, rate)
    audio[rate] = value
    path = write(tmp_path / "x.wav", audio, rate, subtype="FLOAT")
    expected = re.escape(f"a sample of magnitude {text} at 1.00 s, where full scale is 1.")
    with pytest.raises(AudioError, match=expected):
        decode(path, 16000)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_samples_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    audio = noise(1.0, 16000).astype(np.float64)
    audio[8000] = value
    path = write(tmp_path / "x.wav", audio, 16000, subtype="DOUBLE")
    with pytest.raises(AudioError, match=r"not finite, the first near 0\.5 s"):
        decode(path, 16000)


def test_other_scales_are_audio(tmp_path: Path) -> None:
    loud = 32768 * noise(1.0, 16000)
    path = write(tmp_path / "x.wav", loud, 16000, subtype="FLOAT")
    np.testing.assert_array_equal(decode(path, 16000), loud)


def test_arrays_are_checked_too(tmp_path: Path) -> None:
    audio = noise(1.0, 16000)
    audio[100] = 1e29
    np.save(tmp_path / "x.npy", audio)
    with pytest.raises(AudioError, match=r"a sample of magnitude 1e\+29"):
        NpySource(tmp_path / "x.npy", "x").read(16000)
