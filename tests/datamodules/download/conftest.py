"""A local server of the file of `tests.support.downloads`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from datamodules.download import http
from tests.support.downloads import OTHER, ZIP
from tests.support.server import Server, serve


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BACKOFF_S", 0.0)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.zip").write_bytes(ZIP)
    (folder / "mirror.zip").write_bytes(ZIP)
    (folder / "other.zip").write_bytes(OTHER)
    with serve(folder) as running:
        yield running


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "downloads"
