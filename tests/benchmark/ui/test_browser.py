"""Journeys through the screens in Chromium. No request may leave the machine; see ``open_page``."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

WAIT = 120_000  # milliseconds; the first analysis waits for the imports of the worker process
DROP = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name));
  document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: transfer, bubbles: true}));
}"""
COLOURS = """canvas => {
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const pixels = new Set();
  for (let at = 0; at < data.length; at += 4) pixels.add(data.slice(at, at + 4).join());
  return pixels.size;
}"""
UNNAMED = """() => [...document.querySelectorAll("button, input, select")].filter(one =>
  !one.labels?.length && !one.getAttribute("aria-label") && !one.textContent.trim()
).map(one => one.outerHTML)"""


@pytest.fixture(scope="module")
def music(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("music") / "song.mp3"
    time = np.arange(16000 * 9) / 16000
    tone = 0.2 * np.sin(2 * np.pi * 330 * time) * (time % 3 < 1.5)
    sf.write(path, tone.astype(np.float32), 16000, format="MP3")
    return path


def drop(page, path: Path, content: bytes | None = None) -> None:
    data = path.read_bytes() if content is None else content
    page.evaluate(DROP, [path.name, base64.b64encode(data).decode()])


def fits(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_listen(open_page, music: Path):
    from playwright.sync_api import expect

    page = open_page("/listen")
    page.locator("#models input").first.wait_for()
    assert page.evaluate(UNNAMED) == []
    for model in ("musicnn", "tag_prior"):
        page.get_by_role("checkbox", name=re.compile(f"^{model}")).check()
    drop(page, Path("report.mp3"), b"<html>no audio</html>" * 50)
    expect(page.get_by_role("alert")).to_contain_text("report.mp3 cannot be used", timeout=WAIT)
    drop(page, music)
    expect(page.locator("#chosen")).to_contain_text("song.mp3, 9.0 s", timeout=WAIT)
    page.get_by_label("Perturbation").select_option("white_noise")
    page.get_by_label("Severity").fill("5")
    expect(page.locator("#level")).to_contain_text("5 of 5")
    page.get_by_role("button", name="Analyse").click()
    panels = page.locator(".panel")
    expect(panels).to_have_count(2, timeout=WAIT)
    panel = page.get_by_role("region", name="musicnn")
    expect(panel.get_by_role("img")).to_have_count(3)
    assert all(canvas.evaluate(COLOURS) > 5 for canvas in panel.get_by_role("img").all())
    expect(panel.get_by_role("columnheader", name="change")).to_be_visible()

    # A click seeks; the other version continues at the same position.
    picture = panel.locator(".stage").first
    box = picture.bounding_box()
    picture.click(position={"x": 132 + (box["width"] - 132) * 2 / 3, "y": 20})
    expect(page.locator("#time")).to_have_text("0:06 / 0:09")
    page.keyboard.press("x")
    expect(page.get_by_role("radio", name="B perturbed")).to_be_checked()
    expect(page.locator("#time")).to_have_text("0:06 / 0:09")
    cursor = panel.locator(".cursor").nth(2).bounding_box()
    assert abs(cursor["x"] - box["x"] - 132 - (box["width"] - 132) * 2 / 3) < 4
    page.get_by_label("Match loudness").check()
    volumes = page.evaluate("[...document.querySelectorAll('audio')].map(one => one.volume)")
    assert max(volumes) == 1
    assert min(volumes) < 1

    # The slider starts the next analysis, and the address keeps the choices.
    page.get_by_label("Severity").press("ArrowLeft")
    page.wait_for_url("**condition=white_noise%3A4*", timeout=WAIT)
    page.get_by_label("Perturbation").select_option("")
    expect(panel.get_by_role("columnheader", name="probability")).to_be_visible(timeout=WAIT)
    for scheme in ("light", "dark"):
        for width in (1280, 390):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900})
            assert fits(page), (scheme, width)


def test_listen_opens_a_track_of_a_corpus_from_an_address(open_page):
    from playwright.sync_api import expect

    page = open_page("/listen")
    page.locator("#models input").first.wait_for()
    box = page.get_by_role("checkbox", name=re.compile("^musicnn"))
    model = box.get_attribute("value")
    query = f"corpus=folder&track=003.wav&condition=pitch_up:2&model={model}"
    page.goto(page.url.partition("?")[0] + "?" + query)
    expect(page.get_by_role("region", name="musicnn")).to_be_visible(timeout=WAIT)
    expect(page.locator("#chosen")).to_have_text("003.wav")
    expect(page.locator("#level")).to_contain_text("2 of 5")
