"""Read the tensors of a TensorFlow checkpoint ("tensor bundle") without TensorFlow.

A bundle is an index and a data file. The index is a table in the format of LevelDB: blocks of
sorted keys with common prefixes left out, an index of the blocks, and a footer. It maps the name of
a variable to a protocol buffer with type, shape, offset and size. The data file holds the values as
raw little-endian numbers. Every length and offset is checked against the bytes that are there.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_FOOTER, _MAGIC = 48, 0xDB4775248B80FB57
_UNCOMPRESSED, _FLOAT32, _LITTLE_ENDIAN = 0, 1, 0
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types of protocol buffers
_MOST_DIMENSIONS = 8


class BundleError(ValueError):
    """The bytes are no bundle, are damaged, or use a feature that is not read."""


@dataclass
class _Reader:
    """A position in bytes, which no read exceeds."""

    content: bytes
    at: int = 0

    @property
    def ended(self) -> bool:
        return self.at >= len(self.content)

    def take(self, count: int) -> bytes:
        if not 0 <= count <= len(self.content) - self.at:
            raise BundleError(f"{count} bytes are expected where {len(self.content) - self.at} are")
        self.at += count
        return self.content[self.at - count : self.at]

    def varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            (byte,) = self.take(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise BundleError("a number has more than ten bytes")


@dataclass(frozen=True)
class _Entry:
    """Where the values of a tensor are."""

    dtype: int = 0
    shape: tuple[int, ...] = ()
    shard: int = 0
    offset: int = 0
    size: int = 0


@dataclass
class _Fields:
    """Fields of a protocol buffer by number: integers, and the bytes of nested messages."""

    numbers: dict[int, int] = field(default_factory=dict)
    messages: dict[int, list[bytes]] = field(default_factory=dict)


def read_bundle(index: bytes, data: bytes) -> dict[str, NDArray[np.float32]]:
    """Return the float32 tensors of a bundle by the names of their variables.

    Args:
        index: Content of the file ``.index``.
        data: Content of the file ``.data-00000-of-00001``.

    Raises:
        BundleError: The bytes are no bundle, are damaged, or the bundle is compressed or has
            several data files.
    """
    tensors = {}
    for key, value in _table(index):
        if not key:
            _check_header(value)
            continue
        entry = _entry(value)
        if entry.dtype != _FLOAT32:
            continue  # counters of the training
        name = key.decode("utf-8", errors="replace")
        if entry.shard or entry.size != 4 * math.prod(entry.shape):
            raise BundleError(f"{name}: shape {entry.shape} does not fit {entry.size} bytes")
        if entry.offset + entry.size > len(data):
            raise BundleError(f"{name}: its values lie beyond the end of the data")
        values = np.frombuffer(data, "<f4", math.prod(entry.shape), entry.offset)
        tensors[name] = values.reshape(entry.shape).astype(np.float32)
    return tensors


def _table(index: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of a LevelDB table."""
    footer = _Reader(index[-_FOOTER:])
    if len(index) < _FOOTER or struct.unpack("<Q", index[-8:])[0] != _MAGIC:
        raise BundleError("the index has no footer of a LevelDB table")
    _handle(footer)  # of the block of meta data, which is empty
    for _, handle in _block(index, *_handle(footer)):
        yield from _block(index, *_handle(_Reader(handle)))


def _handle(reader: _Reader) -> tuple[int, int]:
    """Return offset and size of a block."""
    return reader.varint(), reader.varint()


def _block(index: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of a block."""
    if offset + size + 5 > len(index) or size < 4:
        raise BundleError("a block lies beyond the end of the index")
    if index[offset + size] != _UNCOMPRESSED:
        raise BundleError("the index is compressed")
    block = index[offset : offset + size]
    restarts = struct.unpack("<I", block[-4:])[0]
    end = size - 4 - 4 * restarts
    if end < 0:
        raise BundleError("a block of the index is too short")
    reader, key = _Reader(block[:end]), b""
    while not reader.ended:
        shared, rest, length = reader.varint(), reader.varint(), reader.varint()
        if shared > len(key):
            raise BundleError("a key of the index is damaged")
        key = key[:shared] + reader.take(rest)
        yield key, reader.take(length)


def _fields(message: bytes) -> _Fields:
    """Return the fields of a protocol buffer."""
    reader, fields = _Reader(message), _Fields()
    while not reader.ended:
        number, wire = divmod(reader.varint(), 8)
        if wire == _VARINT:
            fields.numbers[number] = reader.varint()
        elif wire == _BYTES:
            fields.messages.setdefault(number, []).append(reader.take(reader.varint()))
        elif wire in (_FIXED32, _FIXED64):
            reader.take(4 if wire == _FIXED32 else 8)
        else:
            raise BundleError(f"an entry of the index has the unknown wire type {wire}")
    return fields


def _check_header(message: bytes) -> None:
    numbers = _fields(message).numbers
    if numbers.get(1, 1) != 1 or numbers.get(2, _LITTLE_ENDIAN) != _LITTLE_ENDIAN:
        raise BundleError("the bundle has several data files, or is big-endian")


def _entry(message: bytes) -> _Entry:
    """Read a ``BundleEntryProto``."""
    fields = _fields(message)
    shape = fields.messages.get(2, [b""])[-1]
    sizes = tuple(_fields(size).numbers.get(1, 0) for size in _fields(shape).messages.get(2, []))
    if len(sizes) > _MOST_DIMENSIONS:
        raise BundleError(f"a tensor has {len(sizes)} dimensions")
    n = fields.numbers
    return _Entry(n.get(1, 0), sizes, n.get(3, 0), n.get(4, 0), n.get(5, 0))
