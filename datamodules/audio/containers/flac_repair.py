"""Repair of FLAC files: removal of the stated length and of tags after the last frame.

libsndfile stops at the length in the header even if more frames follow, and fails at ID3v1 and APE
tags, which players ignore.
"""

from __future__ import annotations

import mmap
from pathlib import Path

from datamodules.audio.containers.mp3_repair import id3_length

_LENGTH = slice(18, 26)  # the last 36 bits of these bytes of STREAMINFO (RFC 9639, 8.2)
_LENGTH_BITS = 36


def without_length(file: Path) -> mmap.mmap | None:
    """Return a FLAC file whose header states no length.

    The length is not needed to recognise a truncated file: the decoder fails in its last frame.

    Args:
        file: A file of any format.

    Returns:
        A private copy in memory; None if the file is of another format.
    """
    with file.open("rb") as opened:
        tag = id3_length(opened.read(10))
        opened.seek(tag)
        if opened.read(4) != b"fLaC":
            return None
        whole = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        with whole:
            end = _end_of_frames(whole)
        data = mmap.mmap(opened.fileno(), end, access=mmap.ACCESS_COPY)
    field = slice(tag + _LENGTH.start, tag + _LENGTH.stop)
    if len(data) < field.stop:
        return None
    value = int.from_bytes(data[field], "big")
    length = value & ((1 << _LENGTH_BITS) - 1)
    data[field] = (value - length).to_bytes(8, "big")
    return data


def _end_of_frames(data: mmap.mmap) -> int:
    """Return where tags after the last frame start."""
    end = len(data)
    if data[end - 128 : end - 125] == b"TAG":
        end -= 128
    footer = data[end - 32 : end]
    if footer[:8] == b"APETAGEX":
        size = int.from_bytes(footer[12:16], "little")  # without the header
        has_header = footer[23] & 0x80
        end -= size + (32 if has_header else 0)
    return max(end, 0)
