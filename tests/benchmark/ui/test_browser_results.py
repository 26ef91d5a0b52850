"""Journeys through Compare and Sweeps in Chromium. No request may leave the machine."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

WAIT = 60_000  # milliseconds; the first difference waits for the imports of numba
UNNAMED = """() => [
  ...document.querySelectorAll("button, input, select, [tabindex='0']")
].filter(one => !one.labels?.length && !one.getAttribute("aria-label") &&
  !one.hasAttribute("aria-labelledby") && !one.textContent.trim()).map(one => one.outerHTML)"""


def fits(page) -> bool:
    for scheme in ("light", "dark"):
        for width in (1280, 390):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900})
            if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
                return False
    return True


def test_compare_from_the_leaderboard_to_the_track_that_moved_most(open_page):
    from playwright.sync_api import expect

    page = open_page("/compare")
    board = page.locator("#board")
    rows = board.locator("tbody tr")
    expect(rows).to_have_count(2, timeout=WAIT)
    heading = board.get_by_role("columnheader", name="PR-AUC")
    for order in ("descending", "ascending"):
        heading.get_by_role("button").press("Enter")
        expect(heading).to_have_attribute("aria-sort", order)
        expect(heading.get_by_role("button")).to_be_focused()
    expect(rows.first).to_contain_text("tag_prior")
    for text, left in (("-prior", "musicnn"), ("roc_auc<=0.5", "tag_prior")):
        page.get_by_label("Filter models").fill(text)
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text(left)
        expect(page.locator("#board-tools").get_by_role("status")).to_have_text("1 of 2")
    page.get_by_label("Filter models").fill("")
    for model in ("musicnn", "tag_prior"):
        page.get_by_label(f"Compare {model}").check()
    expect(page.locator("#side").get_by_role("columnheader")).to_have_count(2)
    listen = page.get_by_role("link", name="Listen with these models").get_attribute("href")
    assert len(parse_qs(urlsplit(listen).query)["model"]) == 2

    page.get_by_role("button", name="Compute the difference").click()
    expect(page.locator("#difference")).to_contain_text("musicnn \u2212 tag_prior =", timeout=WAIT)
    expect(page.locator("#difference-tags tbody tr").first).to_be_visible()

    # The keyboard leads from a curve to its points, and from a point to the tracks.
    point = page.get_by_role("button", name=re.compile("^musicnn, white noise"))
    point.focus()
    point.press("Enter")
    moved = page.locator("#moved-table tbody tr")
    expect(moved.first).to_be_visible(timeout=WAIT)
    expect(page.locator("#moved-title")).to_contain_text("musicnn, white noise 3")
    link = urlsplit(moved.first.get_by_role("link").get_attribute("href"))
    query = parse_qs(link.query)
    assert link.path == "/listen"
    assert query["condition"] == ["white_noise:3"]
    assert query["track"] == [moved.first.get_by_role("rowheader").inner_text()]
    assert page.evaluate(UNNAMED) == []
    assert fits(page)
    page.reload()
    expect(page.get_by_label("Compare tag_prior")).to_be_checked(timeout=WAIT)


def test_sweeps_shows_a_run_its_failure_and_its_end(open_page):
    from playwright.sync_api import expect

    page = open_page("/sweeps")
    sweep = page.get_by_role("region", name="folder")
    expect(sweep.locator(".state")).to_have_text("finished", timeout=WAIT)

    def runs(route) -> None:
        """Answer as during a run: one cell has failed, one runs."""
        response = route.fetch()
        (one,) = response.json()
        one |= {"state": "running", "per_minute": 2.5, "left_s": 90, "n_failures": 1}
        one["counts"] |= {"done": one["counts"]["total"] - 2, "started": 1, "failed": 1}
        one["started"] = [{"title": "train crnn", "since_s": 200, "changed_s": 3}]
        name = one["logs"][0]["name"]
        text = {"title": "<b>", "stage": "train", "error": "ValueError", "message": "<i>no</i>"}
        one["failures"] = [{"id": "aa", **text, "traceback": "<u>", "log": name}]
        route.fulfill(response=response, json=[one])

    page.route("**/api/sweeps", runs)
    expect(sweep.locator(".state")).to_have_text("running", timeout=WAIT)  # by itself
    expect(page.locator("#news")).to_contain_text("folder is running. folder: 1 failed cell.")
    expect(sweep.get_by_role("rowheader", name="train crnn")).to_be_visible()
    expect(sweep.locator(".facts")).to_contain_text("2.50")
    failure = sweep.locator(".failure")
    expect(failure.locator("summary")).to_have_text("<b> (train) ValueError: <i>no</i>")
    failure.locator("summary").press("Enter")
    failure.get_by_role("button", name="Show the end of").press("Enter")
    expect(failure.locator("pre")).to_have_count(2)
    expect(failure.locator("pre").last).not_to_be_empty()
    assert page.evaluate(UNNAMED) == []
    assert fits(page)
    page.unroute("**/api/sweeps")
    page.get_by_label("Refresh every 2 s").uncheck()
    page.get_by_role("button", name="Refresh now").press("Enter")
    expect(sweep.locator(".state")).to_have_text("finished", timeout=WAIT)
