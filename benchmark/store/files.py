"""Read and atomically write the files of a results folder."""

from __future__ import annotations

import hashlib
import json
import shutil
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import open_atomic, replace_file


def file_sha256(path: Path) -> str:
    """Return the hexadecimal sha256 of a file, which is read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_text(path: Path, text: str) -> None:
    """Replace a file by ``text`` in UTF-8."""
    replace_file(path, text.encode())


def write_json(path: Path, value: Any, indent: int | None = 1) -> None:
    """Replace a file by ``value`` as JSON with sorted keys.

    Args:
        path: File to create or replace.
        value: Plain data.
        indent: Spaces per level; None writes one line, which is five times faster and needs less
            memory.
    """
    write_text(path, json.dumps(value, indent=indent, sort_keys=True) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file that tagbench wrote.

    Raises:
        TagbenchError: The file is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TagbenchError(f"Cannot read {path}: {error}.") from error


def write_arrays(path: Path, **arrays: NDArray[Any]) -> None:
    """Replace a file by a NumPy ``.npz`` of ``arrays``; equal arrays give equal bytes."""
    buffer = BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    replace_file(path, buffer.getvalue())


def copy_file(source: Path, target: Path, digest: str) -> None:
    """Copy a file and check the copy before it replaces ``target``.

    Args:
        source: File to read.
        target: File to create or replace.
        digest: Expected sha256 of the content.

    Raises:
        TagbenchError: The content has another digest; ``target`` is unchanged.
    """
    with source.open("rb") as original, open_atomic(target) as copy:
        shutil.copyfileobj(original, copy, 1 << 20)
        copy.flush()
        if file_sha256(Path(copy.name)) != digest:
            raise TagbenchError(f"{source} does not match the digest in metrics.json beside it.")
