"""Connections that break, and partial downloads that are continued."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from datamodules.download import http
from datamodules.download.fetch import fetch, missing_bytes
from datamodules.download.resume import PartialDownload
from tests.support.downloads import CHUNK, OTHER, SHA256, ZIP, Bytes, gives_up, left, remote
from tests.support.server import ALWAYS, Server


def test_a_broken_connection_is_continued(server: Server, here: Path):
    url = server.misbehave("a.zip", break_after=300_000, breaks=2)
    listener = Bytes()
    assert fetch(remote(url), here, listener).read_bytes() == ZIP
    assert server.asked("a.zip") == 3
    assert server.ranges("a.zip")[0] == ""
    assert all(asked.startswith("bytes=") for asked in server.ranges("a.zip")[1:])
    assert len(ZIP) <= server.sent["a.zip"] <= len(ZIP) + 2 * CHUNK
    assert [bar["done"] for bar in listener.bars] == [len(ZIP)]


def test_attempts_count_only_while_nothing_comes(server: Server, here: Path):
    """A long download over a bad line breaks more often than there are attempts."""
    url = server.misbehave("a.zip", break_after=2 * CHUNK)
    assert fetch(remote(url), here).read_bytes() == ZIP
    assert server.asked("a.zip") > http.ATTEMPTS
    assert server.sent["a.zip"] <= len(ZIP) + server.asked("a.zip") * CHUNK


def test_a_later_run_goes_on(server: Server, here: Path, monkeypatch: pytest.MonkeyPatch):
    url = server.misbehave("a.zip", break_after=500_000, breaks=1)
    with monkeypatch.context() as patch:
        patch.setattr(http, "ATTEMPTS", 1)
        message = gives_up(remote(url), here)
    assert f"{url}: " in message
    assert "the connection ended too soon (attempts: 1)" in message
    have = (here / "a.zip.part").stat().st_size
    assert have >= 500_000 - CHUNK
    assert missing_bytes([remote(url)], here) == (len(ZIP) - have, 0)
    listener = Bytes()
    assert fetch(remote(url), here, listener).read_bytes() == ZIP
    assert server.ranges("a.zip") == ["", f"bytes={have}-"]
    assert server.sent["a.zip"] <= len(ZIP) + CHUNK
    assert [(bar["total"], bar["done"]) for bar in listener.bars] == [(len(ZIP), len(ZIP))]
    assert left(here) == ["a.zip"]


def test_a_part_is_not_continued_with_another_version(server: Server, here: Path):
    url = server.misbehave("a.zip", break_after=500_000, breaks=ALWAYS, ranges=False)
    wanted = remote(url, checksum="")
    gives_up(wanted, here)
    assert (here / "a.zip.part").stat().st_size > 0
    (server.folder / "a.zip").write_bytes(OTHER)
    server.misbehave("a.zip")
    assert fetch(wanted, here).read_bytes() == OTHER
    assert server.requests["a.zip"][-1][1]["if-range"].strip('"') == hashlib.md5(ZIP).hexdigest()


def test_a_server_that_ignores_ranges_starts_anew(server: Server, here: Path):
    url = server.misbehave("a.zip", break_after=300_000, breaks=2, ranges=False)
    listener = Bytes()
    assert fetch(remote(url), here, listener).read_bytes() == ZIP
    assert server.ranges("a.zip")[-1]
    assert [bar["done"] for bar in listener.bars] == [len(ZIP)]


def test_a_server_that_always_breaks_at_one_place_is_given_up(server: Server, here: Path):
    url = server.misbehave("a.zip", break_after=300_000, ranges=False)
    assert f"(attempts: {http.ATTEMPTS})" in gives_up(remote(url), here)
    assert server.asked("a.zip") <= 2 * http.ATTEMPTS


@pytest.mark.parametrize("checksum", [SHA256, ""])
def test_without_a_validator_only_a_checksum_lets_a_part_go_on(
    server: Server, here: Path, checksum: str
):
    url = server.misbehave("a.zip", break_after=500_000, breaks=1, weak=True)
    assert fetch(remote(url, checksum=checksum), here).read_bytes() == ZIP
    assert bool(server.ranges("a.zip")[1]) is bool(checksum)
    assert "if-range" not in server.requests["a.zip"][1][1]


@pytest.mark.parametrize("size", [700_000, len(ZIP), len(ZIP) + 5])
def test_a_spoilt_part_costs_one_more_download(server: Server, here: Path, size: int):
    """After a power cut the end of a part may be zeros, or it may be longer than the file."""
    here.mkdir()
    (here / "a.zip.part").write_bytes(ZIP[:4].ljust(size, b"\0"))
    assert fetch(remote(server.url("a.zip")), here).read_bytes() == ZIP
    assert left(here) == ["a.zip"]
    assert server.ranges("a.zip") == [f"bytes={size}-", ""]


def test_a_part_that_is_all_there_is_not_asked_for(server: Server, here: Path):
    here.mkdir()
    url = server.url("a.zip")
    part = PartialDownload(here / "a.zip.part", url, '"x"', len(ZIP))
    part.path.write_bytes(ZIP)
    part.write_record()
    assert fetch(remote(url), here).read_bytes() == ZIP
    assert server.asked("a.zip") == 0


def test_a_server_that_falls_silent_is_asked_again(
    server: Server, here: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(http, "_TIMEOUTS_S", (1.0, 0.1))
    url = server.misbehave("a.zip", pause_s=0.5)
    server.misbehave("mirror.zip")
    assert fetch(remote(url, server.url("mirror.zip")), here).read_bytes() == ZIP
    assert server.asked("a.zip") > 1


def test_a_server_in_trouble_is_asked_again(server: Server, here: Path):
    url = server.misbehave("a.zip", status=503, failures=2)
    fetch(remote(url), here)
    assert server.asked("a.zip") == 3
