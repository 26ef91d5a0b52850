"""Frames of an MP3 file, walked from header to header (ISO 11172-3, 2.4.1.3).

The decoder needs help in two cases. It believes a length that is a guess from the first frames
unless one of them states the true number, and stops there. And it gives up at the first gap
between frames, where players and ffmpeg step over it.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass

Bytes = bytes | mmap.mmap

_BITRATES_KBPS = {  # layer III
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),  # MPEG-1
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),  # MPEG-2
    0: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),  # MPEG-2.5
}
_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_LAYER_III = 1
_COUNTS = (b"Xing", b"Info", b"VBRI")


@dataclass(frozen=True)
class Scan:
    """What a walk over the frames found.

    Attributes:
        samples: Of each channel, in whole frames.
        counted: As `is_counted`.
        gap_bytes: Bytes between frames that belong to none.
        clean: The frames alone.
    """

    samples: int
    counted: bool
    gap_bytes: int
    clean: bytes

    def repaired(self) -> bytes:
        """Return a file that the decoder reads to its end: the frames, and their number first."""
        if self.counted:
            return self.clean
        version, _ = _kind(self.clean, 0)
        frame = bytearray(_frame_length(self.clean, 0, None))
        frame[:4] = self.clean[:4]
        frame[1] |= 1  # no checksum
        mono = self.clean[3] >> 6 == 3
        side = (17 if mono else 32) if version == 3 else (9 if mono else 17)
        count = self.samples // _samples_per_frame(version)
        struct.pack_into(">4sII", frame, 4 + side, b"Xing", 1, count)
        return bytes(frame) + self.clean


def is_counted(data: Bytes) -> bool:
    """Return whether the first frame states the number of frames (Xing, Info, VBRI)."""
    first = _next_pair(data, _id3_length(data), None)
    return first >= 0 and any(mark in data[first : first + 64] for mark in _COUNTS)


def scan(data: Bytes) -> Scan | None:
    """Walk over the layer III frames of ``data``; None if it holds no two in a row."""
    position = run = _next_pair(data, _id3_length(data), None)
    if position < 0:
        return None
    kind = _kind(data, position)
    lengths: dict[bytes, int] = {}  # of the few headers that a file repeats
    parts: list[bytes] = []
    frames = gap_bytes = 0
    while True:
        header = data[position : position + 4]
        length = lengths.get(header, -1)
        if length < 0:
            length = lengths[header] = _frame_length(data, position, kind)
        if length and position + length <= len(data):
            frames += 1
            position += length
            continue
        parts.append(data[run:position])
        resumed = _next_pair(data, position + 1, kind)
        if resumed < 0:
            break
        gap_bytes += resumed - position
        run = position = resumed
    clean = b"".join(parts)
    return Scan(frames * _samples_per_frame(kind[0]), is_counted(data), gap_bytes, clean)


def _samples_per_frame(version: int) -> int:
    return 1152 if version == 3 else 576


def _id3_length(data: Bytes) -> int:
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    size = 0
    for byte in data[6:10]:  # seven bits each
        size = size << 7 | byte & 0x7F
    return 10 + size


def _kind(data: Bytes, at: int) -> tuple[int, int]:
    """Return MPEG version and index of the sample rate: the same in all frames of a stream."""
    return data[at + 1] >> 3 & 3, data[at + 2] >> 2 & 3


def _frame_length(data: Bytes, at: int, kind: tuple[int, int] | None) -> int:
    """Return the bytes of the frame that starts at ``at``, 0 if none does."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return 0
    version, rate = _kind(data, at)
    bitrate = data[at + 2] >> 4
    if (
        version == 1
        or data[at + 1] >> 1 & 3 != _LAYER_III
        or rate == 3
        or bitrate in (0, 15)
        or (kind is not None and (version, rate) != kind)
    ):
        return 0
    factor = 144_000 if version == 3 else 72_000
    padding = data[at + 2] >> 1 & 1
    return factor * _BITRATES_KBPS[version][bitrate] // _RATES_HZ[version][rate] + padding


def _next_pair(data: Bytes, start: int, kind: tuple[int, int] | None) -> int:
    """Return where two frames in a row begin at or after ``start``, -1 if nowhere."""
    at = data.find(b"\xff", start)
    while at >= 0:
        length = _frame_length(data, at, kind)
        if length and _frame_length(data, at + length, _kind(data, at)):
            return at
        at = data.find(b"\xff", at + 1)
    return -1
