"""A small publisher on this machine, and downloads without waiting."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from datamodules import base
from datamodules.download import http
from tests.support.server import Server, serve


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BACKOFF_S", 0.0)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture
def decode_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "usable_cpus", lambda: 0)


@pytest.fixture(scope="module")
def published(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the servers of the publisher hold, in small: the module names it as ``PUBLISHER``."""
    folder = tmp_path_factory.mktemp("publisher") / "served"
    return Path(request.module.PUBLISHER.publish(folder))


@pytest.fixture
def server(published: Path, tmp_path: Path) -> Iterator[Server]:
    """A server of a copy, whose files a test may change."""
    with serve(Path(shutil.copytree(published, tmp_path / "served"))) as running:
        yield running
