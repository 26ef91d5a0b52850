"""A running user interface and a browser on it, in which any request to elsewhere is a failure."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmark.ui.app import create_app
from benchmark.ui.config import UiConfig
from tests.support.bench import Bench
from tests.support.paths import ROOT
from tests.support.user_interface import ORIGIN, PORT, TOKEN

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


@pytest.fixture
def config(tmp_path: Path) -> UiConfig:
    """Settings of a server without results, with small limits."""
    (tmp_path / "scratch").mkdir()
    return UiConfig(
        results=tmp_path / "results",
        data_root=tmp_path / "data",
        checkpoints=(tmp_path / "checkpoints",),
        token=TOKEN,
        port=PORT,
        scratch=tmp_path / "scratch",
        upload_bytes=2 * 2**20,
        decode_bytes=2**30,
    )


@pytest.fixture
def client(config: UiConfig):
    """A client that has the token; the process of analyses starts only when it has a job."""
    from starlette.testclient import TestClient

    app = create_app(config)
    browser = TestClient(app, base_url=ORIGIN)
    browser.get("/listen", params={"token": TOKEN})
    yield browser
    for queue in (app.state.jobs, app.state.decoders):
        queue.close()


@pytest.fixture(scope="session")
def server_url(finished_sweep: Bench) -> Iterator[str]:
    """Address, with its token, of a server on the results of the small sweep."""
    command = [
        sys.executable, "-m", "benchmark", "ui", "--no-browser",
        "--results", str(finished_sweep.results),
        "--data-root", str(finished_sweep.root / "data"),
        "--checkpoint", str(finished_sweep.root / "no-checkpoints"),
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[1]
        process.terminate()


@pytest.fixture(scope="session")
def chromium():
    """The browser of the system; Playwright downloads none."""
    if CHROMIUM is None or importlib.util.find_spec("playwright") is None:
        pytest.skip("Chromium or the package playwright is not installed: apt install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, server_url: str) -> Iterator[Callable[..., object]]:
    """Return a function that opens a page; at the end, nothing may have left the machine.

    The Content-Security-Policy forbids ``wait_for_function``: wait for a locator instead.
    """
    contexts, outside, errors = [], [], []

    def seen(request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1":
            outside.append(request.url)

    def open_at(path: str = "/listen", **options):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        contexts.append(context)
        context.on("request", seen)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(server_url)
        if path != "/listen":
            parts = urlsplit(server_url)
            page.goto(f"{parts.scheme}://{parts.netloc}{path}")
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert outside == []
    assert errors == []
