"""Wheels with the layout of the package ``musicnn``, whose weights come from a formula."""

from __future__ import annotations

import math
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tests.support.formula import hashed

Variables = dict[str, np.ndarray]

_CONVOLUTIONS: dict[str, dict[str, tuple[int, ...]]] = {
    "musicnn": {
        "conv2d": (7, 38, 1, 204), "conv2d_1": (7, 67, 1, 204), "conv2d_2": (128, 1, 1, 51),
        "conv2d_3": (64, 1, 1, 51), "conv2d_4": (32, 1, 1, 51), "conv2d_5": (7, 561, 1, 64),
        "conv2d_6": (7, 64, 1, 64), "conv2d_7": (7, 64, 1, 64),
        "dense": (1506, 200), "dense_1": (200, 50),
    },
    "vgg": {
        "1CNN": (3, 3, 1, 128), **{f"{k}CNN": (3, 3, 128, 128) for k in range(2, 6)},
        "dense": (256, 50),
    },
}  # fmt: skip
_NORMS = {
    "musicnn": (1, 204, 204, 51, 51, 51, 64, 64, 64, 1506, 200),
    "vgg": (1, *[128] * 5),
}


def variables(network: str) -> Variables:
    """Return the variables of ``musicnn`` or ``vgg`` at 50 tags, in the layout of TensorFlow."""
    values: Variables = {}
    for layer, shape in _CONVOLUTIONS[network].items():
        kernel = hashed(f"{layer}/kernel", math.prod(shape)).reshape(shape)
        values[f"{layer}/kernel"] = kernel * np.sqrt(3 * shape[-1] / kernel.size)
        values[f"{layer}/bias"] = 0.1 * hashed(f"{layer}/bias", shape[-1])
    for number, size in enumerate(_NORMS[network]):
        layer = f"batch_normalization_{number}" if number else "batch_normalization"
        values[f"{layer}/gamma"] = 1 + 0.1 * hashed(f"{layer}/gamma", size)
        values[f"{layer}/beta"] = 0.1 * hashed(f"{layer}/beta", size)
        values[f"{layer}/moving_mean"] = 0.1 * hashed(f"{layer}/moving_mean", size)
        values[f"{layer}/moving_variance"] = 1 + 0.5 * hashed(f"{layer}/moving_variance", size) ** 2
    values["dense/kernel/Adam"] = np.zeros(3)
    values["beta1_power"] = np.ones(())
    return {name: value.astype(np.float32) for name, value in values.items()}


def bundle(tensors: Mapping[str, np.ndarray]) -> tuple[bytes, bytes]:
    """Return the index and the data of a bundle, as TensorFlow writes them."""
    data, entries = b"", [(b"", b"\x08\x01\x1a\x02\x08\x01")]  # one data file, version 1
    for name, value in sorted(tensors.items()):
        values = value.astype("<f4").tobytes()
        sizes = b"".join(_field(2, _number(1, size)) for size in value.shape)
        place = _number(4, len(data)) + _number(5, len(values)) + bytes([0x35, 1, 2, 3, 4])
        entries.append((name.encode(), _number(1, 1) + _field(2, sizes) + place))
        data += values
    return _table(entries), data


def write_wheel(path: Path, networks: Mapping[str, tuple[bytes, bytes]]) -> Path:
    """Write a wheel with an index and data for each folder, such as ``MTT_vgg``."""
    with zipfile.ZipFile(path, "w") as archive:
        for folder, (index, data) in networks.items():
            archive.writestr(f"musicnn/{folder}/.index", index)
            archive.writestr(f"musicnn/{folder}/.data-00000-of-00001", data)
    return path


def _table(entries: list[tuple[bytes, bytes]]) -> bytes:
    """Return a LevelDB table of two blocks."""
    half = len(entries) // 2
    table, handles = b"", []
    for part in (entries[:half], entries[half:]):
        block = _block(part)
        handles.append((part[-1][0], _varint(len(table)) + _varint(len(block))))
        table += block + bytes(5)  # not compressed, and a checksum
    index = _block(handles)
    footer = _varint(0) * 2 + _varint(len(table)) + _varint(len(index))
    magic = struct.pack("<Q", 0xDB4775248B80FB57)
    return table + index + bytes(5) + footer.ljust(40, b"\0") + magic


def _block(entries: list[tuple[bytes, bytes]]) -> bytes:
    content, before = b"", b""
    for key, value in entries:
        shared = next((i for i, (a, b) in enumerate(zip(before, key, strict=False)) if a != b), 0)
        lengths = _varint(shared) + _varint(len(key) - shared) + _varint(len(value))
        content, before = content + lengths + key[shared:] + value, key
    return content + struct.pack("<II", 0, 1)


def _number(field: int, value: int) -> bytes:
    return _varint(8 * field) + _varint(value)


def _field(field: int, content: bytes) -> bytes:
    return _varint(8 * field + 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])
