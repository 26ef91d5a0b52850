"""Standard error while damaged MP3 files are decoded."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from datamodules.audio.decode import decode, header_seconds
from datamodules.audio.decoder_messages import without_decoder_messages
from tests.support.audio_files import noise, write


def test_a_damaged_mp3_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(write(tmp_path / "x.mp3", noise(6.0, 44100), 44100).read_bytes())
    data[20000:21000] = bytes(1000)
    path = tmp_path / "x.mp3"
    path.write_bytes(data + data[: len(data) // 2])
    assert len(decode(path, 16000)) > 16000
    header_seconds(path)
    assert capfd.readouterr().err == ""


def test_other_messages_are_kept(capfd: pytest.CaptureFixture[str]) -> None:
    with without_decoder_messages():
        os.write(2, b"first\nNote: Trying to resync...\nWarning: something else\n")
        os.write(2, b"[src/libmpg123/layer3.c:do_layer3():1804] error: dequantization failed!\n")
        thread = threading.Thread(target=_inner)
        thread.start()
        thread.join()
        os.write(2, b"last\n")
    os.write(2, b"after\n")
    expected = "first\nWarning: something else\nUserWarning: inner\nlast\nafter\n"
    assert capfd.readouterr().err == expected


def _inner() -> None:
    with without_decoder_messages():
        os.write(2, b"UserWarning: inner\nWarning: Xing stream size off by more than 1%\n")
