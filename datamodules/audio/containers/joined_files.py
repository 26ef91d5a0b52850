"""WAV and FLAC files that were joined by appending the bytes of one to another.

libsndfile decodes the first WAV file only, and fails at the second FLAC file.
"""

from __future__ import annotations

import mmap
from pathlib import Path

from datamodules.audio.containers.mp3_repair import id3_length

_FLAC_START = b"fLaC\0\0\0\x22"  # the mark of a stream, and the head of its STREAMINFO block


def split(file: Path) -> list[bytes] | None:
    """Split a file into the WAV or FLAC files that it consists of.

    Args:
        file: A file of any format.

    Returns:
        The bytes of each; None if it is not several WAV or FLAC files.
    """
    with file.open("rb") as opened:
        start = id3_length(opened.read(10))
        opened.seek(start)
        head = opened.read(len(_FLAC_START))
        if head[:4] != b"RIFF" and head != _FLAC_START:
            return None
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
            next_start = _next_wav if head[:4] == b"RIFF" else _next_flac
            starts = [start]
            while (start := next_start(data, start)) >= 0:
                starts.append(start)
            if len(starts) == 1:
                return None
            ends = [*starts[1:], len(data)]
            return [data[start:end] for start, end in zip(starts, ends, strict=True)]


def _next_wav(data: mmap.mmap, start: int) -> int:
    """Return where the WAV file after the one at ``start`` begins, or -1."""
    size = int.from_bytes(data[start + 4 : start + 8], "little")
    end = start + 8 + size + size % 2
    head = data[end : end + 12]
    return end if head[:4] == b"RIFF" and head[8:] == b"WAVE" else -1


def _next_flac(data: mmap.mmap, start: int) -> int:
    return data.find(_FLAC_START, start + 1)
