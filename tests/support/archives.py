"""Small zip and tar archives, and what `extract` does with them."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.common.errors import TagbenchError
from datamodules.download.extract import extract

NOISE = np.random.default_rng(0).bytes(200_000)
FILES = {"a/1.mp3": NOISE, "a/2.mp3": b"two" * 9999, "b/3.mp3": b"", "lists.txt": b"1\n"}
LITTER = {"a/._1.mp3": b"x", "__MACOSX/a/1.mp3": b"x", "b/.DS_Store": b"x"}
Entry = str | zipfile.ZipInfo | tarfile.TarInfo


def zip_of(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        file.mkdir("a")
        for name, content in files.items():
            file.writestr(zipfile.ZipInfo(name), content, method)
    return path


def tar_of(path: Path, files: dict[str, bytes], mode: str = "w", prefix: str = "") -> Path:
    with tarfile.open(path, mode) as file:  # type: ignore[call-overload]
        folder = tarfile.TarInfo(f"{prefix}a")
        folder.type = tarfile.DIRTYPE
        file.addfile(folder)
        for name, content in files.items():
            info = tarfile.TarInfo(prefix + name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def cut(path: Path, count: int) -> list[Path]:
    content = path.read_bytes()
    step = -(-len(content) // count)
    parts = [path.with_name(f"{path.name}.{n + 1:03d}") for n in range(count)]
    for n, part in enumerate(parts):
        part.write_bytes(content[n * step : (n + 1) * step])
    path.unlink()
    return parts


def there(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def refuses(archive: Path | list[Path], into: Path, **how: Any) -> str:
    with pytest.raises(TagbenchError) as caught:
        extract(archive, into, **how)
    return str(caught.value)


MAKERS: dict[str, Callable[[Path, dict[str, bytes]], Path]] = {
    "stored": lambda path, files: zip_of(path, files, zipfile.ZIP_STORED),
    "deflated": zip_of,
    "bzip2": lambda path, files: zip_of(path, files, zipfile.ZIP_BZIP2),
    "tar": tar_of,
    "dotted": lambda path, files: tar_of(path, files, prefix="./"),
    "tar.gz": lambda path, files: tar_of(path, files, "w:gz"),
    "tar.bz2": lambda path, files: tar_of(path, files, "w:bz2"),
}
