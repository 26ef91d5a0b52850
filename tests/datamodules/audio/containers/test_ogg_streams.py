"""Ogg files that libsndfile does not read by itself: chains, FLAC, streams without an end."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from datamodules.audio.decode import decode
from datamodules.audio.errors import AudioError
from tests.support.audio_files import Float32, noise, tone

RATE = 16000


def ogg(subtype: str, hz: float = 440.0, rate: int = RATE, channels: int = 1) -> bytes:
    file = io.BytesIO()
    audio = tone(hz, 2.0, rate) + noise(2.0, rate, level=0.05)  # noise fills several pages
    audio = np.tile(audio[:, None], (1, channels))
    sf.write(file, audio, rate, format="OGG", subtype=subtype)
    return file.getvalue()


def pages(data: bytes) -> list[bytearray]:
    found, at = [], 0
    while at < len(data):
        segments = data[at + 26]
        end = at + 27 + segments + sum(data[at + 27 : at + 27 + segments])
        found.append(bytearray(data[at:end]))
        at = end
    return found


def page(flags: int, granule: int, number: int, body: bytes) -> bytearray:
    """Return an Ogg page of serial number 7 that holds one packet of at most 65,024 bytes."""
    lacing = bytes([255] * (len(body) // 255) + [len(body) % 255])
    head = struct.pack("<4sBBqiIIB", b"OggS", 0, flags, granule, 7, number, 0, len(lacing))
    return bytearray(head + lacing + body)


def signed(content: list[bytearray]) -> bytes:
    """Join pages, each with its checksum, computed bit by bit."""
    for one in content:
        one[22:26] = bytes(4)
        crc = 0
        for byte in one:
            crc ^= byte << 24
            for _ in range(8):
                crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
        one[22:26] = struct.pack("<I", crc)
    return b"".join(content)


def frequencies(audio: Float32, parts: int) -> list[float]:
    length = len(audio) // parts
    found = []
    for part in range(parts):
        middle = audio[part * length + 4000 : (part + 1) * length - 4000]
        found.append(float(np.abs(np.fft.rfft(middle)).argmax() * RATE / len(middle)))
    return found


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_chained_streams_of_several_rates_and_channels(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "x.ogg"
    links = [(440, RATE, 1), (880, 48000, 1), (1320, 24000, 2)]
    path.write_bytes(b"".join(ogg(subtype, hz, rate, n) for hz, rate, n in links))
    audio = decode(path, RATE)
    assert len(audio) == pytest.approx(6.0 * RATE, abs=300)
    np.testing.assert_allclose(frequencies(audio, 3), [440, 880, 1320], atol=2)


def test_a_chain_may_change_its_codec_and_have_links_without_audio(tmp_path: Path) -> None:
    path = tmp_path / "x.ogg"
    vorbis = ogg("VORBIS", 440)
    headers = b"".join(pages(ogg("VORBIS", rate=8000))[:2])
    path.write_bytes(vorbis + headers + ogg("OPUS", 880))
    audio = decode(path, RATE)
    assert len(audio) == pytest.approx(4.0 * RATE, abs=100)
    np.testing.assert_allclose(frequencies(audio, 2), [440, 880], atol=2)


def test_one_stream_is_decoded_as_before(tmp_path: Path) -> None:
    path = tmp_path / "x.ogg"
    path.write_bytes(ogg("VORBIS"))
    expected, _ = sf.read(path, dtype="float32")
    np.testing.assert_array_equal(decode(path, RATE), expected)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_a_stream_without_end_is_whole(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "x.opus"
    content = pages(ogg(subtype))
    content[-1][5] &= ~4
    path.write_bytes(signed(content))
    assert len(decode(path, RATE)) == 2 * RATE


@pytest.mark.parametrize("granule", [-1, 0, 8000, 2**62])
@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_a_wrong_position_of_the_last_page_is_no_length(
    tmp_path: Path, subtype: str, granule: int
) -> None:
    path = tmp_path / "x.ogg"
    content = pages(ogg(subtype))
    content[-1][6:14] = struct.pack("<q", granule)
    path.write_bytes(signed(content))
    assert len(decode(path, RATE)) == pytest.approx(2 * RATE, abs=700)


def test_flac_in_ogg_is_decoded(tmp_path: Path) -> None:
    native = io.BytesIO()
    audio = noise(1.0, RATE)
    sf.write(native, audio, RATE, format="FLAC")
    data = native.getvalue()
    head = b"\x7fFLAC\x01\x00\x00\x01" + data[:42]
    rest = [data[at : at + 60000] for at in range(42, len(data), 60000)]
    content = [page(2, 0, 0, head)]
    content += [page(0, RATE, at, body) for at, body in enumerate(rest, 1)]
    path = tmp_path / "x.ogg"
    path.write_bytes(signed(content))
    np.testing.assert_allclose(decode(path, RATE), audio, atol=1e-4)
    path.write_bytes(signed(content) + ogg("VORBIS"))
    assert len(decode(path, RATE)) == 3 * RATE


@pytest.mark.parametrize(("mark", "codec"), [(b"Speex   1.2", "Speex"), (b"strange", "unknown")])
def test_other_codecs_are_named(tmp_path: Path, mark: bytes, codec: str) -> None:
    path = tmp_path / "x.ogg"
    path.write_bytes(signed([page(2, 0, 0, mark + bytes(70)), page(4, 100, 1, bytes(500))]))
    with pytest.raises(AudioError, match=rf"unsupported codec: .*{codec}.*ffmpeg -i"):
        decode(path, RATE)


def test_the_checksum_is_that_of_ogg() -> None:
    from datamodules.audio.containers.ogg_streams import page_checksum

    first = pages(ogg("VORBIS"))[0]
    stated = struct.unpack("<I", first[22:26])[0]
    first[22:26] = bytes(4)
    assert page_checksum(first) == stated != zlib.crc32(first)


@pytest.mark.parametrize(
    ("file", "samples"),
    [("chained-ogg/chained.ogg", 192_000), ("corrupt-means-unsupported/oggflac.ogg", 16_000)],
)
def test_reported_files(shared_data: Path, file: str, samples: int) -> None:
    assert len(decode(shared_data / "cases" / file, RATE)) == samples
