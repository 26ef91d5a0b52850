"""Frames of MP3 files, read from header to header (ISO 11172-3, 2.4.1.3), and repaired files.

The decoder loses audio in three cases. If the first frame states a number of frames, the decoder
stops there even if more frames follow. Without such a number, it stops at an estimate from the bit
rate of the first frames. It also stops at the first gap between frames, where players and ffmpeg
continue.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass

Bytes = bytes | mmap.mmap

_BITRATES_KBPS = {  # layer III
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),  # MPEG-1
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),  # MPEG-2
    0: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),  # MPEG-2.5
}
_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_LAYER_III = 1
_HAS_FRAMES, _HAS_BYTES = 1, 2  # flags of a Xing header
_XING = (b"Xing", b"Info")
_VBRI_OFFSET = 36
_HIGHEST_BITRATE = 0xE0  # in the third byte of a header
_NEARLY_ALL = 0.99
_MOST_BYTES = 0x7F000000  # larger sizes mean unknown
_MOST_FRAMES = 2**31  # a year and a half; larger counts mean unknown
_NEW_STREAM_FRAMES = 4  # in a row, before another kind of frame is taken for another stream

Kind = tuple[int, int, bool]


@dataclass(frozen=True)
class FrameCount:
    """Length that a Xing, Info or VBRI header states.

    Attributes:
        frames: Number of frames after the header; 0 if it is not given.
        bytes: Size of all frames in bytes; 0 if it is not given.
        offset: Position of the number of frames, from the start of the first frame; 0 if the
            decoder does not read it: libmpg123 ignores VBRI headers.
    """

    frames: int
    bytes: int
    offset: int


@dataclass(frozen=True)
class Mp3Stream:
    """Consecutive layer III frames of one MPEG version, sample rate and number of channels.

    Attributes:
        data: The bytes of the file.
        runs: First byte and end of each run of frames without a gap.
        frames: Number of frames, that of a Xing or Info header included.
        samples: Samples per channel in the frames.
        gap_bytes: Bytes between the runs that belong to no frame and to no tag.
        ends_whole: Whether nothing but tags follows the last frame.
        count: Length that the first frame states; None if it states none.
    """

    data: Bytes
    runs: tuple[tuple[int, int], ...]
    frames: int
    samples: int
    gap_bytes: int
    ends_whole: bool
    count: FrameCount | None

    @property
    def size(self) -> int:
        """Bytes of the frames."""
        return sum(end - start for start, end in self.runs)

    @property
    def is_counted(self) -> bool:
        """Whether the decoder reads the number of frames, and it is not too small."""
        count = self.count
        return (
            count is not None
            and count.offset > 0
            and _NEARLY_ALL * self.frames <= count.frames + 1
            and count.frames < _MOST_FRAMES
        )

    @property
    def promised_samples(self) -> int:
        """Samples per channel that the file had when it was whole.

        A truncated file is recognised by a stated number that is larger than the number of frames.
        That number is ignored if it is impossible, if the stated size is that of the frames here,
        or if no size is stated and the last frame is whole.
        """
        count = self.count
        if count is None or not self.frames < count.frames < _MOST_FRAMES:
            return self.samples
        is_sized = 0 < count.bytes < _MOST_BYTES
        if _NEARLY_ALL * count.bytes <= self.size if is_sized else self.ends_whole:
            return self.samples
        return count.frames * (self.samples // self.frames)

    def repaired(self) -> bytes:
        """Return a file that the decoder reads to its end: the frames, with their number."""
        clean = b"".join(self.data[start:end] for start, end in self.runs)
        if self.is_counted:
            return clean
        count = self.count
        if count is not None and count.offset:
            patched = bytearray(clean)
            struct.pack_into(">I", patched, count.offset, self.frames - 1)
            if count.bytes:
                struct.pack_into(">I", patched, count.offset + 4, len(clean))
            return bytes(patched)
        return self._xing_frame(clean) + clean

    def _xing_frame(self, clean: bytes) -> bytes:
        header, offset = bytearray(clean[:4]), _xing_offset(clean, 0)
        header[1] |= 1  # no checksum
        if _frame_length(bytes(header), 0, None) < offset + 16:
            header[2] = header[2] & 0x0F | _HIGHEST_BITRATE
        frame = header.ljust(_frame_length(bytes(header), 0, None), b"\0")
        flags = _HAS_FRAMES | _HAS_BYTES
        size = len(frame) + len(clean)
        content = (b"Xing", flags, self.frames, size)
        struct.pack_into(">4sIII", frame, offset, *content)
        return bytes(frame)


def scan(data: Bytes) -> list[Mp3Stream]:
    """Return the streams of layer III frames in a file, in order.

    Several are found where files were joined whose sample rates or channels differ.

    Args:
        data: The bytes of the file.

    Returns:
        The streams; none if no two frames follow each other.
    """
    return list(_streams(data))


def id3_length(data: Bytes, at: int = 0) -> int:
    """Return the size in bytes of the ID3v2 tag at ``at``, 0 if there is none."""
    if data[at : at + 3] != b"ID3" or len(data) < at + 10:
        return 0
    size = 0
    for byte in data[at + 6 : at + 10]:  # seven bits each
        size = size << 7 | byte & 0x7F
    return 10 + size


def _streams(data: Bytes) -> Iterator[Mp3Stream]:
    position = _next_run(data, id3_length(data), None, 2)
    while position >= 0:
        stream, position = _read_stream(data, position)
        yield stream


def _read_stream(data: Bytes, position: int) -> tuple[Mp3Stream, int]:
    """Return the stream that starts at ``position``, and where the next one starts or -1."""
    kind = _kind(data, position)
    first = run = position
    mark = _xing_offset(data, position)
    lengths: dict[bytes, int] = {}  # of the few headers that a file repeats
    runs: list[tuple[int, int]] = []
    frames = gap_bytes = 0
    while True:
        header = data[position : position + 4]
        length = lengths.get(header, -1)
        if length < 0:
            length = lengths[header] = _frame_length(data, position, kind)
        if length and position + length <= len(data):
            if frames and data[position + mark : position + mark + 4] in _XING:
                # The header of a file that was appended to another one holds no audio.
                runs.append((run, position))
                run = position + length
                frames -= 1
            frames += 1
            position += length
            continue
        runs.append((run, position))
        tags = _tags_length(data, position)
        resumed = _next_run(data, position + (tags or 1), kind, 2)
        # Another kind of frame starts another stream, if it comes first.
        until = resumed if resumed >= 0 else len(data)
        other = _next_run(data, position + tags, None, _NEW_STREAM_FRAMES, until)
        if other >= 0 or resumed < 0:
            break
        gap_bytes += resumed - position - tags
        run = position = resumed
    samples = frames * (1152 if kind[0] == 3 else 576)
    count = _frame_count(data, first)
    ends_whole = other >= 0 or position + tags >= len(data)
    return Mp3Stream(data, tuple(runs), frames, samples, gap_bytes, ends_whole, count), other


def _frame_count(data: Bytes, at: int) -> FrameCount | None:
    """Return the length that the frame at ``at`` states, if it is a Xing, Info or VBRI header."""
    vbri = data[at + _VBRI_OFFSET : at + _VBRI_OFFSET + 18]
    if vbri[:4] == b"VBRI" and len(vbri) == 18:
        size, frames = struct.unpack(">II", vbri[10:])
        return FrameCount(frames, size, 0)
    offset = max(data.find(mark, at, at + 64) - at for mark in _XING)
    if offset < 0 or len(data) < at + offset + 16:
        return None
    flags, frames, size = struct.unpack(">III", data[at + offset + 4 : at + offset + 16])
    if not flags & _HAS_FRAMES:
        return None
    return FrameCount(frames, size if flags & _HAS_BYTES else 0, offset + 8)


def _xing_offset(data: Bytes, at: int) -> int:
    """Return where a Xing header stands in a frame: after the side information."""
    version, _, mono = _kind(data, at)
    if version == 3:
        return 4 + (17 if mono else 32)
    return 4 + (9 if mono else 17)


def _tags_length(data: Bytes, start: int) -> int:
    """Return the size of the ID3 and APE tags that follow each other at ``start``."""
    at = start
    while True:
        if data[at : at + 3] == b"TAG":
            at += 128
        elif data[at : at + 8] == b"APETAGEX":
            at += 32 + int.from_bytes(data[at + 12 : at + 16], "little")
        elif size := id3_length(data, at):
            at += size
        else:
            return at - start


def _kind(data: Bytes, at: int) -> Kind:
    """Return MPEG version, index of the sample rate, and whether the frame is mono."""
    return data[at + 1] >> 3 & 3, data[at + 2] >> 2 & 3, data[at + 3] >> 6 == 3


def _frame_length(data: Bytes, at: int, kind: Kind | None) -> int:
    """Return the bytes of the frame that starts at ``at``, 0 if none of this kind does."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return 0
    version, rate, _ = frame_kind = _kind(data, at)
    bitrate = data[at + 2] >> 4
    if (
        version == 1
        or data[at + 1] >> 1 & 3 != _LAYER_III
        or rate == 3
        or bitrate in (0, 15)
        or (kind is not None and frame_kind != kind)
    ):
        return 0
    factor = 144_000 if version == 3 else 72_000
    padding = data[at + 2] >> 1 & 1
    return factor * _BITRATES_KBPS[version][bitrate] // _RATES_HZ[version][rate] + padding


def _next_run(
    data: Bytes, start: int, kind: Kind | None, frames: int, end: int | None = None
) -> int:
    """Return where a number of frames in a row begin between ``start`` and ``end``, else -1."""
    stop = len(data) if end is None else end
    at = data.find(b"\xff", start, stop)
    while at >= 0:
        if _is_run(data, at, kind, frames):
            return at
        at = data.find(b"\xff", at + 1, stop)
    return -1


def _is_run(data: Bytes, at: int, kind: Kind | None, frames: int) -> bool:
    for _ in range(frames):
        length = _frame_length(data, at, kind)
        if not length:
            return False
        kind = _kind(data, at)
        at += length
    return True
