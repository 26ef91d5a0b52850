"""Headers that state an unknown, an impossible or a wrong length."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from datamodules.audio.containers.mp3_repair import scan
from datamodules.audio.decode import decode, header_seconds
from datamodules.audio.errors import AudioError
from datamodules.audio.sources import FileSource
from datamodules.corpus.disk_estimate import estimate_disk
from datamodules.corpus.track import Track
from tests.support.audio_files import Float32, mp3_frames, noise, tone

RATE = 16000
FRAMES = 3 * RATE
THIRD = FRAMES // 3


def encoded(container: str, audio: Float32 | None = None, rate: int = RATE, **more: str) -> bytes:
    file = io.BytesIO()
    content = noise(3.0, RATE) if audio is None else audio
    sf.write(file, content, rate, format=container, **more)
    return file.getvalue()


def patched(data: bytes, mark: bytes, offset: int, layout: str, *values: int) -> bytes:
    result = bytearray(data)
    struct.pack_into(layout, result, data.index(mark) + offset, *values)
    return bytes(result)


WAV_SIZE = 2 * FRAMES
UNKNOWN = {
    "wav_of_a_pipe": ("WAV", (b"RIFF", 4, "<I", 0xFFFFFFFF), (b"data", 4, "<I", 0xFFFFFFFF)),
    "wav_of_sox": ("WAV", (b"RIFF", 4, "<I", 0x7FFFF024), (b"data", 4, "<I", 0x7FFFF000)),
    "wav_of_a_stopped_recorder": ("WAV", (b"RIFF", 4, "<I", 0), (b"data", 4, "<I", 0)),
    "wav_counts_a_third": ("WAV", (b"data", 4, "<I", WAV_SIZE // 3)),
    "rf64_zero": ("RF64", (b"ds64", 8, "<QQQ", 0, 0, 0)),
    "rf64_impossible": ("RF64", (b"ds64", 8, "<QQQ", *[2**64 - 1] * 3)),
    "rf64_counts_a_third": ("RF64", (b"ds64", 16, "<Q", WAV_SIZE // 3)),
    "w64_zero": ("W64", (b"data", 16, "<Q", 0)),
    "aiff_impossible": ("AIFF", (b"COMM", 10, ">I", 2**32 - 1), (b"SSND", 4, ">I", 2**32 - 1)),
    "aiff_zero": ("AIFF", (b"COMM", 10, ">I", 0), (b"SSND", 4, ">I", 0)),
    "aiff_counts_a_third": ("AIFF", (b"COMM", 10, ">I", THIRD), (b"SSND", 4, ">I", 2 * THIRD + 8)),
    "aiff_frames_too_many": ("AIFF", (b"COMM", 10, ">I", 10 * FRAMES)),
    "au_unknown": ("AU", (b".snd", 8, ">I", 2**32 - 1)),
    "au_zero": ("AU", (b".snd", 8, ">I", 0)),
    "caf_unknown": ("CAF", (b"data", 4, ">q", -1)),
    "caf_counts_a_third": ("CAF", (b"data", 4, ">q", 2 * THIRD + 4)),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_wrong_size_of_the_sample_data_is_corrected(tmp_path: Path, name: str) -> None:
    container, *patches = UNKNOWN[name]
    data = whole = encoded(container)
    for patch in patches:
        data = patched(data, *patch)
    path = tmp_path / "x.bin"
    path.write_bytes(data)
    good = tmp_path / "good.bin"
    good.write_bytes(whole)
    np.testing.assert_array_equal(decode(path, RATE), decode(good, RATE))


def test_chunks_after_the_samples_are_no_audio(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    listed = b"LIST" + struct.pack("<I", 40000) + b"INFO" + bytes(39996)
    path.write_bytes(encoded("WAV") + listed)
    assert len(decode(path, RATE)) == FRAMES
    empty = patched(encoded("WAV")[:44], b"RIFF", 4, "<I", 0)
    path.write_bytes(patched(empty, b"data", 4, "<I", 0) + listed)
    with pytest.raises(AudioError, match="no samples"):
        decode(path, RATE)


def flac_length(data: bytes, length: int) -> bytes:
    value = int.from_bytes(data[18:26], "big")
    return data[:18] + (value >> 36 << 36 | length).to_bytes(8, "big") + data[26:]


@pytest.mark.parametrize("length", [0, 1, THIRD, 3 * FRAMES, 2**36 - 1])
@pytest.mark.parametrize("tag", [b"", b"TAG" + bytes(125)])
def test_flac_is_decoded_to_its_end(tmp_path: Path, length: int, tag: bytes) -> None:
    path = tmp_path / "x.flac"
    path.write_bytes(flac_length(encoded("FLAC"), length) + tag)
    np.testing.assert_allclose(decode(path, RATE), noise(3.0, RATE), atol=1e-4)


def test_an_impossible_length_is_unknown_in_the_estimate(tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    path.write_bytes(flac_length(encoded("FLAC"), 0))
    assert header_seconds(path) is None
    track = Track("x", "test", (), FileSource(path, "x.flac"))
    assert estimate_disk([track], RATE).seconds == 30.0
    path.write_bytes(counted(10_000_000))
    assert estimate_disk([track], RATE).seconds == 30.0


def counted(frames: int, size: int | None = None) -> bytes:
    """Return an MP3 file whose Xing header states another number of frames."""
    data = patched(encoded("MP3"), b"Xing", 8, ">I", frames)
    return data if size is None else patched(data, b"Xing", 12, ">I", size)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(counted(0), id="zero"),
        pytest.param(counted(29), id="a third"),
        pytest.param(counted(2**32 - 1), id="impossible"),
        pytest.param(counted(2**32 - 1, 2**32 - 1), id="impossible, as is its size"),
        pytest.param(counted(400), id="too many frames for its size"),
        pytest.param(counted(400, 2**32 - 1), id="too many frames, and no size"),
        pytest.param(counted(10_000_000, 0), id="far too many frames, and no size"),
    ],
)
def test_a_wrong_number_of_mp3_frames_is_corrected(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.mp3"
    path.write_bytes(data)
    assert len(decode(path, RATE)) == pytest.approx(FRAMES, abs=600)


def test_a_truncated_mp3_is_not_a_wrong_number(tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    data = encoded("MP3")
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(AudioError, match="truncated"):
        decode(path, RATE)


def test_a_vbri_header_counts_like_a_xing_header(tmp_path: Path) -> None:
    """The decoder does not read VBRI headers, and guesses from the first frames."""
    frames = mp3_frames(tone(440, 1.0, 44100), 44100, 0.9)
    frames += mp3_frames(noise(9.0, 44100), 44100, 0.0)
    (stream,) = scan(frames)
    header = bytearray(417)
    header[:4] = b"\xff\xfb\x90\xc0"  # MPEG-1 layer III, 128 kbit/s, 44.1 kHz, mono
    struct.pack_into(">4s6xII", header, 36, b"VBRI", len(frames) + 417, stream.frames)
    path = tmp_path / "x.mp3"
    path.write_bytes(header + frames)
    assert len(decode(path, RATE)) == pytest.approx(10.0 * RATE, rel=0.02)
    struct.pack_into(">II", header, 46, 2 * len(frames), 2 * stream.frames)
    path.write_bytes(header + frames)
    with pytest.raises(AudioError, match="truncated"):
        decode(path, RATE)


def test_the_shortest_frames_get_a_count_too() -> None:
    frame = b"\xff\xf3\x14\xc0" + bytes(20)  # MPEG-2 layer III, 8 kbit/s, 24 kHz, mono
    (stream,) = scan(50 * frame)
    (repaired,) = scan(stream.repaired())
    assert repaired.count is not None
    assert (repaired.frames, repaired.count.frames) == (51, 50)
    assert repaired.is_counted


@pytest.mark.parametrize("second", [(RATE, 1), (RATE, 2), (24000, 1), (44100, 2)])
@pytest.mark.parametrize(
    "between", [b"", b"TAG" + bytes(125) + b"ID3\3\0\0\0\0\x20\0" + bytes(4096)]
)
def test_joined_mp3_files_are_decoded_to_the_end(
    tmp_path: Path, second: tuple[int, int], between: bytes
) -> None:
    rate, channels = second
    audio = np.tile(tone(880, 2.0, rate)[:, None], (1, channels))
    path = tmp_path / "x.mp3"
    path.write_bytes(encoded("MP3", tone(440, 2.0, RATE)) + between + encoded("MP3", audio, rate))
    result = decode(path, RATE)
    assert len(result) == pytest.approx(4.0 * RATE, abs=2000)
    for part, hz in ((result[8000:16000], 440), (result[-16000:-8000], 880)):
        spectrum = np.abs(np.fft.rfft(part))
        assert spectrum.argmax() * 2 == pytest.approx(hz, abs=2)


@pytest.mark.parametrize("container", ["WAV", "FLAC"])
def test_joined_files_are_decoded_one_after_the_other(tmp_path: Path, container: str) -> None:
    first, second = tone(440, 2.0, RATE), tone(880, 2.0, 24000)
    path = tmp_path / "x.bin"
    path.write_bytes(encoded(container, first) + encoded(container, second, 24000))
    result = decode(path, RATE)
    assert len(result) == 4 * RATE
    assert np.abs(np.fft.rfft(result[-RATE:])).argmax() == 880


def test_a_truncated_rf64_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(encoded("RF64")[:-20000])
    with pytest.raises(AudioError, match=r"truncated: \d+ of \d+ bytes"):
        decode(path, RATE)


@pytest.mark.parametrize(
    ("file", "samples"),
    [("flac-unknown-length/piped.flac", 96000), ("mp3-count-too-small/concat.mp3", 192_696)],
)
def test_reported_files(shared_data: Path, file: str, samples: int) -> None:
    path = shared_data / "cases" / file
    assert len(decode(path, RATE)) == pytest.approx(samples, abs=200)
