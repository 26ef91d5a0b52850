"""Sizes of the sample data that headers of WAV, RF64, AIFF, AU and CAF files state.

libsndfile decodes as many bytes as the header states. Programs that write into a pipe, or that are
stopped, leave a size of zero, the largest value, which means unknown, or what they had written by
then.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

_MISCOUNTED = 0.1  # share of the stated size that must follow before it counts as too small
_LEAST_BYTES = 64


@dataclass(frozen=True)
class DataSize:
    """Stated size of the sample data.

    Attributes:
        offset: Position of the field in the file.
        layout: Format of the field, for `struct`.
        start: First byte that the size counts.
        stated: The size in bytes; negative for an unknown size in CAF.
        chunked: Whether other chunks may follow the data, and their byte order for `struct`.
    """

    offset: int
    layout: str
    start: int
    stated: int
    chunked: str


def corrected(file: Path) -> mmap.mmap | None:
    """Return the bytes of a file with the size of its sample data corrected.

    Args:
        file: A file of any format.

    Returns:
        A private copy in memory; None if the size is right or the format is another one.
    """
    with file.open("rb") as opened:
        if opened.read(4) not in _READERS:
            return None
        data = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
    size = find_data_size(data)
    if size is None or not _is_wrong(size, data):
        data.close()
        return None
    struct.pack_into(size.layout, data, size.offset, len(data) - size.start)
    return data


def find_data_size(data: mmap.mmap | bytes) -> DataSize | None:
    """Return what the header of a file states, or None if it has no sample data."""
    reader = _READERS.get(bytes(data[:4]))
    try:
        return None if reader is None else reader(data)
    except struct.error:  # the header is cut
        return None


def _is_wrong(size: DataSize, data: mmap.mmap) -> bool:
    available = len(data) - size.start
    if size.stated < 0 or size.stated > available:
        # libsndfile knows the values that mean unknown in 32 bits, but not those of 64 bits.
        return size.stated < 0 or size.stated >= 2**63
    end = size.start + size.stated
    rest = available - size.stated
    if rest < max(_LEAST_BYTES, _MISCOUNTED * size.stated):
        return False
    if size.chunked and _is_chunk(data, end + size.stated % 2, size.chunked):
        return False
    return any(data[end:])  # not the padding of a file system


def _is_chunk(data: mmap.mmap, at: int, order: str) -> bool:
    """Return whether a chunk can start at ``at``: a name, and a size that fits."""
    name, field = data[at : at + 4], data[at + 4 : at + 4 + struct.calcsize(order)]
    if len(field) < struct.calcsize(order) or not all(32 <= byte < 127 for byte in name):
        return False
    (size,) = struct.unpack(order, field)
    return 0 <= size <= len(data) - at


def _riff(data: mmap.mmap | bytes) -> DataSize | None:
    size = _chunk(data, 12, b"data", "<I")
    if size is None or data[:4] == b"RIFF" or data[12:16] != b"ds64":
        return size
    if size.stated != 0xFFFFFFFF:
        return size
    (stated,) = struct.unpack_from("<Q", data, 28)
    return DataSize(28, "<Q", size.start, stated, "<I")


def _aiff(data: mmap.mmap | bytes) -> DataSize | None:
    return _chunk(data, 12, b"SSND", ">I")


def _caf(data: mmap.mmap | bytes) -> DataSize | None:
    return _chunk(data, 8, b"data", ">q")


def _au(data: mmap.mmap | bytes) -> DataSize | None:
    start, stated = struct.unpack_from(">II", data, 4)
    return DataSize(8, ">I", start, stated, "")


def _chunk(data: mmap.mmap | bytes, at: int, wanted: bytes, layout: str) -> DataSize | None:
    """Walk over the chunks from ``at`` on, to the one that is wanted."""
    width = struct.calcsize(layout)
    while at + 4 + width <= len(data):
        (stated,) = struct.unpack_from(layout, data, at + 4)
        start = at + 4 + width
        if data[at : at + 4] == wanted:
            return DataSize(at + 4, layout, start, stated, layout)
        if stated < 0:
            return None
        # Chunks of RIFF and AIFF start at even positions.
        at = start + stated + (stated % 2 if width == 4 else 0)
    return None


_READERS = {
    b"RIFF": _riff,
    b"RF64": _riff,
    b"BW64": _riff,
    b"FORM": _aiff,
    b"caff": _caf,
    b".snd": _au,
}
