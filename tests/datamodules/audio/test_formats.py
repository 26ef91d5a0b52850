"""Files of codecs that libsndfile cannot decode are named with their codec."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from datamodules.audio.decode import decode
from datamodules.audio.errors import AudioError
from datamodules.audio.formats import AUDIO_SUFFIXES, DECODED_SUFFIXES, unsupported_codec
from tests.support.audio_files import noise


def mp4(codec: bytes) -> bytes:
    entry = struct.pack(">I4s", 36, codec) + bytes(28)
    stsd = struct.pack(">I4sII", 16 + len(entry), b"stsd", 0, 1) + entry
    return b"\0\0\0\x1cftypM4A \0\0\2\0M4A isomiso2" + bytes(300) + stsd


def adts(frames: int = 5, length: int = 200) -> bytes:
    size = struct.pack(">I", (length << 5 | 0x1F) << 8)[:3]
    return b"".join(b"\xff\xf1\x50" + size + bytes(length - 6) for _ in range(frames))


def wav(tag: int) -> bytes:
    file = io.BytesIO()
    sf.write(file, noise(0.1, 16000), 16000, format="WAV")
    data = bytearray(file.getvalue())
    struct.pack_into("<H", data, 20, tag)
    return bytes(data)


FILES = [
    (mp4(b"mp4a"), "AAC"),
    (mp4(b"alac"), "ALAC in MP4"),
    (mp4(b"Opus"), "Opus in MP4"),
    (mp4(b"abcd"), "the audio of MP4 files"),
    (adts(), "AAC"),
    (b"ADIF" + bytes(200), "AAC"),
    (b"MAC " + bytes(200), "Monkey's Audio (APE)"),
    (b"wvpk" + bytes(200), "WavPack"),
    (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), "Windows Media Audio (WMA)"),
    (b"DSD " + bytes(200), "DSD"),
    (b"ID3\3\0\0\0\0\0\x0a" + bytes(10) + b"MPCK" + bytes(200), "Musepack"),
    (b"\x1a\x45\xdf\xa3" + bytes(40) + b"A_OPUS" + bytes(90), "Opus in Matroska or WebM"),
    ((b"\x0b\x77" + bytes(766)) * 3, "AC-3"),
    (wav(0x161), "Windows Media Audio (WMA)"),
    (wav(0x1234), "WAV of format 0x1234"),
]


@pytest.mark.parametrize(("data", "codec"), FILES, ids=[codec for _, codec in FILES])
def test_a_codec_is_named_with_the_remedy(tmp_path: Path, data: bytes, codec: str) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(data)
    with pytest.raises(AudioError) as caught:
        decode(path, 16000, "x")
    assert str(caught.value) == (
        f"x: unsupported codec: this build cannot decode {codec}. Convert the file, for example "
        "with 'ffmpeg -i INPUT OUTPUT.flac'"
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("x.WMA", "unsupported codec: this build cannot decode WMA files. Convert the file"),
        ("x.wav", "unsupported format: not recognised as audio"),
    ],
)
def test_the_suffix_names_what_the_content_does_not(tmp_path: Path, name: str, reason: str) -> None:
    path = tmp_path / name
    path.write_bytes(bytes(5000))
    with pytest.raises(AudioError, match=f"^{name}: {reason}"):
        decode(path, 16000, name)


def test_aac_frames_are_no_mp3_frames(tmp_path: Path) -> None:
    assert unsupported_codec(adts(2)) == ""
    path = tmp_path / "x.mp3"
    sf.write(path, noise(1.0, 16000), 16000)
    assert unsupported_codec(path.read_bytes()) == ""


def test_an_encoding_that_libsndfile_refuses_is_unsupported(tmp_path: Path) -> None:
    path = tmp_path / "x.caf"
    sf.write(path, noise(0.1, 16000), 16000)
    path.write_bytes(path.read_bytes().replace(b"lpcm", b"aac "))
    with pytest.raises(AudioError, match="unsupported codec"):
        decode(path, 16000)


def test_alac_in_caf_is_decoded(tmp_path: Path) -> None:
    audio = noise(1.0, 16000)
    sf.write(tmp_path / "x.caf", audio, 16000, subtype="ALAC_16")
    np.testing.assert_allclose(decode(tmp_path / "x.caf", 16000), audio, atol=1e-4)


def test_suffixes_are_those_of_files(shared_data: Path) -> None:
    assert {".mp3", ".wav", ".flac", ".opus"} <= DECODED_SUFFIXES
    assert {
        ".m4a",
        ".mp4",
        ".wma",
        ".ape",
        ".wv",
        ".aac",
        ".ac3",
        ".dsf",
        ".webm",
    } <= AUDIO_SUFFIXES
    with pytest.raises(AudioError, match="cannot decode AAC"):
        decode(shared_data / "cases" / "m4a-left-out" / "aac.m4a", 16000)
