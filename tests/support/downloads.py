"""A file to download, and what a test asks about its download."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from datamodules.common.errors import TagbenchError
from datamodules.download import fetch as download
from datamodules.download.fetch import fetch
from datamodules.download.remote_file import RemoteFile

ZIP = b"PK\x03\x04" + np.random.default_rng(0).bytes(1_000_000)
OTHER = b"PK\x03\x04" + np.random.default_rng(1).bytes(1_000_000)
SHA256 = f"sha256:{hashlib.sha256(ZIP).hexdigest()}"
CHUNK = 1 << 16  # what may be lost with a connection


class Bytes:
    """Remembers how far each download was said to be."""

    def __init__(self) -> None:
        self.bars: list[dict[str, object]] = []
        self.said: list[str] = []

    def announce(self, text: str) -> None:
        self.said.append(text)

    def start(self, total: int, unit: str = "tracks", title: str | None = None) -> None:
        self.bars.append({"total": total, "unit": unit, "title": title, "done": 0, "open": True})

    def advance(self, count: int = 1) -> None:
        self.bars[-1]["done"] += count  # type: ignore[operator]

    def finish(self) -> None:
        self.bars[-1]["open"] = False


def remote(*urls: str, checksum: str = SHA256, kind: str = "zip", **more: object) -> RemoteFile:
    return RemoteFile("a.zip", urls, checksum, kind=kind, **more)  # type: ignore[arg-type]


def record(folder: Path, name: str = "a.zip") -> dict[str, object]:
    entry: dict[str, object] = json.loads((folder / download.RECORD).read_text())[name]
    return entry


def left(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name not in (".lock", download.RECORD))


def gives_up(wanted: RemoteFile, folder: Path) -> str:
    with pytest.raises(TagbenchError) as caught:
        fetch(wanted, folder)
    return str(caught.value)
