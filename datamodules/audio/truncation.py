"""Recognition of audio files whose end is missing, which decoders do not report."""

from __future__ import annotations

import struct
from pathlib import Path

# Programs that write into a pipe state 0, 0xFFFFFFFF, or a size close to 2 or 4 GiB.
_PLACEHOLDER = 0x7F000000
_IMPOSSIBLE = 1 << 50  # a petabyte
_OGG_TAIL = 65536 + 512  # an Ogg page is at most 65,307 bytes
_SLACK_BYTES = 64  # some programs are off by a chunk header or a padding byte


def missing_tail(path: Path) -> str:
    """Return how much of a WAV, RF64, AIFF or Ogg file is missing, or an empty string.

    libsndfile shortens a truncated WAV or AIFF file to what is there, and a truncated Ogg file to
    its last whole page.

    Args:
        path: A file of any format.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] in (b"RIFF", b"FORM") and len(head) == 12:
            order = "<I" if head[:4] == b"RIFF" else ">I"
            (stated,) = struct.unpack(order, head[4:8])
            if stated < _PLACEHOLDER and size + _SLACK_BYTES < stated + 8:
                return f"{size} of {stated + 8} bytes are there"
        elif head[:4] in (b"RF64", b"BW64"):
            stated = int.from_bytes(file.read(16)[8:], "little")  # in the chunk ds64
            if stated < _IMPOSSIBLE and size + _SLACK_BYTES < stated + 8:
                return f"{size} of {stated + 8} bytes are there"
        elif head[:4] == b"OggS":
            file.seek(max(size - _OGG_TAIL, 0))
            return _cut_page(file.read())
    return ""


def _cut_page(tail: bytes) -> str:
    """Return what is missing of the last Ogg page in ``tail``."""
    start = tail.rfind(b"OggS\x00")
    page = tail[start:] if start >= 0 else b""
    if len(page) < 27:
        return "the last Ogg page is cut" if page else ""
    segments = page[26]
    if len(page) < 27 + segments:
        return "the last Ogg page is cut"
    length = 27 + segments + sum(page[27 : 27 + segments])
    return "the last Ogg page is cut" if len(page) < length else ""
