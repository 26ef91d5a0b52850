"""Hostile and damaged uploads: one clear message each, and the server goes on."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from benchmark.ui.uploads import decoded_upload
from datamodules.common.errors import TagbenchError


def wav(seconds: float = 1.0, rate: int = 16000) -> bytes:
    buffer = io.BytesIO()
    sf.write(buffer, np.full(round(seconds * rate), 0.25, np.float32), rate, format="WAV")
    return buffer.getvalue()


def send(client, content: bytes, name: str = "a.wav"):
    return client.post("/api/uploads", params={"name": name}, content=content)


def huge_header() -> bytes:
    """A WAV file of a few samples whose header states a sample rate of 1 Hz."""
    content = bytearray(wav(0.1))
    content[24:28] = struct.pack("<I", 1)
    return bytes(content)


HOSTILE = {
    "empty.wav": b"",
    "text.mp3": b"<script>alert(1)</script>" * 100,
    "zip.flac": b"PK\x03\x04" + bytes(2000),
    "noise.ogg": bytes(range(256)) * 40,
    "header-only.wav": wav(0.0),
    "cut.wav": wav()[:9000],
    "one-hertz.wav": huge_header(),
    "glitch.wav": wav()[:-2] + b"\xff",
}


def test_hostile_files_are_refused_with_one_message_and_the_server_goes_on(client, config):
    for name, content in HOSTILE.items():
        answer = send(client, content, name)
        if answer.status_code != 200:
            assert answer.status_code == 400, name
            assert answer.json()["error"].startswith(f"{name} cannot be used: "), name
            assert str(config.scratch) not in answer.text
    refused = [path.name for path in (config.scratch / "uploads").iterdir()]
    assert len(refused) <= 1
    assert send(client, wav()).json()["seconds"] == 1.0


def test_a_name_never_becomes_a_path(client, config):
    for name in (
        "../../evil.wav",
        "..\\..\\evil.wav",
        "/etc/evil.wav",
        "evil.w\0av",
        "x." + "a" * 99,
    ):
        answer = send(client, wav(), name)
        assert answer.status_code == 200
        assert not set("/\\\0") & set(answer.json()["name"])
    (stored,) = (config.scratch / "uploads").iterdir()
    assert stored.stem == answer.json()["upload"]
    assert stored.parent.parent == config.scratch


def test_an_oversized_upload_is_refused_and_leaves_nothing(client, config):
    assert send(client, bytes(config.upload_bytes + 1)).status_code == 413
    pieces = (bytes(2**20) for _ in range(4))  # without a stated length
    assert client.post("/api/uploads", params={"name": "a.wav"}, content=pieces).status_code == 413
    uploads = config.scratch / "uploads"
    assert not uploads.exists() or list(uploads.iterdir()) == []


def test_a_small_file_of_hours_of_silence_does_not_fill_the_memory(client):
    buffer = io.BytesIO()
    with sf.SoundFile(buffer, "w", 8000, 1, format="FLAC", subtype="PCM_16") as file:
        for _ in range(20):
            file.write(np.zeros(8000 * 600, np.int16))
    answer = send(client, buffer.getvalue(), "silence.flac")
    assert answer.status_code == 400
    assert "too long for the memory" in answer.json()["error"]
    assert send(client, wav()).status_code == 200


@pytest.mark.parametrize("digest", ["../../etc/passwd", "0" * 63 + "/", "*" * 64, "0" * 64])
def test_only_the_digest_of_an_upload_selects_it(client, config, digest: str):
    with pytest.raises(TagbenchError, match="no longer there"):
        decoded_upload(config, client.app.state.decoders, digest, 16000, "a.wav")


def test_each_real_case_has_one_message(client, shared_data: Path):
    files = [path for path in shared_data.glob("cases/*/*") if path.is_file()]
    files += sorted((shared_data / "audio_edge").iterdir())
    assert len(files) > 10
    for path in files:
        answer = send(client, path.read_bytes(), path.name)
        if answer.status_code == 200:
            assert answer.json()["seconds"] > 0
        else:
            message = answer.json()["error"]
            assert message.startswith(f"{path.name} cannot be used: ")
            assert os.linesep not in message
