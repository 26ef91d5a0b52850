"""Fetching of files: verification, addresses that fail, and the record of a folder."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import resource
import threading
import time
from pathlib import Path

import pytest

from datamodules.common.errors import TagbenchError
from datamodules.download import fetch as download
from datamodules.download import http
from datamodules.download.fetch import fetch, fetch_all, missing_bytes
from datamodules.download.remote_file import RemoteFile
from tests.support.downloads import CHUNK, OTHER, SHA256, ZIP, Bytes, gives_up, left, record, remote
from tests.support.server import ALWAYS, PAGE, Server, serve


@pytest.mark.parametrize("length", [True, False])
def test_a_file_comes_whole_and_is_not_asked_for_again(server: Server, here: Path, length: bool):
    url = server.misbehave("a.zip", length=length)
    listener = Bytes()
    path = fetch(remote(url), here, listener)
    assert path == here / "a.zip"
    assert path.read_bytes() == ZIP
    assert left(here) == ["a.zip"]
    assert fetch(remote(url), here) == path
    assert server.asked("a.zip") == 1
    assert record(here) == {
        "sha256": SHA256[7:], "bytes": len(ZIP), "mtime_ns": path.stat().st_mtime_ns,
        "url": url, "verified": True,
    }  # fmt: skip
    (bar,) = listener.bars
    total = len(ZIP) if length else 0
    assert bar == {
        "total": total, "unit": "bytes", "title": "a.zip", "done": len(ZIP), "open": False
    }  # fmt: skip


def test_a_name_may_have_folders_and_files_stand_apart(server: Server, here: Path):
    files = [
        RemoteFile("x/1.zip", (server.url("a.zip"),), SHA256),
        RemoteFile("x/2.zip", (server.url("other.zip"),)),
    ]
    listener = Bytes()
    paths = fetch_all(files, here, listener)
    assert [p.relative_to(here).as_posix() for p in paths] == ["x/1.zip", "x/2.zip"]
    assert [p.read_bytes() for p in paths] == [ZIP, OTHER]
    assert [bar["title"] for bar in listener.bars] == ["x/1.zip (1 of 2)", "x/2.zip (2 of 2)"]
    assert record(here, "x/1.zip")["verified"]
    assert record(here, "x/2.zip")["recorded"]


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_each_hash_is_checked(server: Server, here: Path, algorithm: str):
    good = hashlib.new(algorithm, ZIP).hexdigest()
    bad = hashlib.new(algorithm, OTHER).hexdigest()
    message = gives_up(remote(server.url("a.zip"), checksum=f"{algorithm}:{bad}"), here)
    assert f"{algorithm} is {good}, expected {bad}" in message
    assert left(here) == []
    fetch(remote(server.url("a.zip"), checksum=f"{algorithm}:{good}"), here)
    assert record(here)[algorithm] == good


# Addresses that fail


def test_the_mirror_is_asked_when_the_publisher_has_nothing(server: Server, here: Path):
    url, mirror = server.misbehave("a.zip", failures=ALWAYS), server.url("mirror.zip")
    fetch(remote(url, mirror), here)
    assert server.asked("a.zip") == 1  # 404 does not pass
    assert record(here)["url"] == mirror


def test_a_mirror_goes_on_where_the_publisher_broke_off(
    server: Server, here: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(http, "ATTEMPTS", 1)
    url = server.misbehave("a.zip", break_after=500_000, breaks=1)
    assert fetch(remote(url, server.url("mirror.zip")), here).read_bytes() == ZIP
    assert server.sent["a.zip"] + server.sent["mirror.zip"] <= len(ZIP) + CHUNK


@pytest.mark.parametrize(
    ("manner", "said"),
    [
        ({"html": True}, "got an HTML page instead of a zip archive"),
        ({"wrong": True}, "got a file that is not a zip archive"),
        ({"failures": ALWAYS, "status": 403}, "403 Forbidden"),
        ({"failures": ALWAYS, "status": 500}, "500 Internal Server Error (attempts: 5)"),
    ],
)
def test_the_error_lists_each_address_and_the_way_by_hand(
    server: Server, here: Path, manner: dict[str, object], said: str
):
    first = server.misbehave("a.zip", **manner)
    second, third = server.url("other.zip"), "ftp://example.org/a.zip"
    wanted = remote(first, second, third, manual="Ask the authors.")
    message = gives_up(wanted, here)
    assert f"\n  {first}: {said}" in message
    assert f"\n  {second}: sha256 is {hashlib.sha256(OTHER).hexdigest()}, expected" in message
    assert f"\n  {third}: only http and https" in message
    assert f"Ask the authors. Put it at {here / 'a.zip'} and run the same command" in message
    assert left(here) == []
    (here / "a.zip").write_bytes(ZIP)
    assert fetch(wanted, here).read_bytes() == ZIP
    assert record(here)["url"] == ""


def test_a_page_is_refused_before_all_of_it_has_come(server: Server, here: Path):
    (server.folder / "a.zip").write_bytes(PAGE + bytes(50_000_000))
    gives_up(remote(server.url("a.zip")), here)
    assert server.sent["a.zip"] < 20_000_000  # the rest is what socket buffers hold


def test_a_page_does_not_cost_the_part(server: Server, here: Path):
    """A login page at the publisher's must not undo what has come already."""
    here.mkdir()
    (here / "a.zip.part").write_bytes(ZIP[:900_000])
    page = server.misbehave("a.zip", html=True, ranges=False)
    fetch(remote(page, server.url("mirror.zip")), here)
    assert server.sent["mirror.zip"] == len(ZIP) - 900_000


@pytest.mark.parametrize("kind", ["", "text", "npy", "sqlite", "gzip", "tar"])
def test_a_page_is_no_file_of_any_kind(server: Server, here: Path, kind: str):
    url = server.misbehave("page", html=True)
    assert "got an HTML page" in gives_up(remote(url, checksum="", kind=kind), here)
    assert fetch(RemoteFile("page.html", (url,)), here).read_bytes() == PAGE


def test_nobody_listens(here: Path, tmp_path: Path):
    with serve(tmp_path) as server:
        url = server.url("a.zip")
    assert "refused" in gives_up(remote(url), here)
    assert "No address is known." in gives_up(remote(), here)


def test_an_unexpected_size_is_noticed_at_once(server: Server, here: Path):
    url = server.url("a.zip")
    message = gives_up(remote(url, checksum="", bytes=len(ZIP) + 1), here)
    assert f"has {len(ZIP):,} bytes, expected {len(ZIP) + 1:,}" in message
    assert server.asked("a.zip") == 1
    url = server.misbehave("a.zip", length=False)
    message = gives_up(remote(url, checksum="", bytes=len(ZIP) - 1), here)
    assert f"got {len(ZIP):,} bytes, expected {len(ZIP) - 1:,}" in message


# What is on this machine


def test_an_unknown_checksum_is_kept_and_then_holds(server: Server, here: Path):
    wanted = remote(server.url("a.zip"), checksum="")
    path = fetch(wanted, here)
    assert record(here)["sha256"] == SHA256[7:]
    assert record(here)["recorded"] is True
    path.unlink()
    (server.folder / "a.zip").write_bytes(OTHER)
    message = gives_up(wanted, here)
    assert f"expected {SHA256[7:]}" in message
    assert f"delete the entry 'a.zip' in {here / download.RECORD}" in message
    (here / download.RECORD).unlink()
    assert fetch(wanted, here).read_bytes() == OTHER


def test_a_file_that_was_touched_is_checked_again(server: Server, here: Path):
    wanted = remote(server.url("a.zip"))
    path = fetch(wanted, here)
    os.utime(path, ns=(1, 1))
    fetch(wanted, here)
    assert server.asked("a.zip") == 1
    assert record(here)["mtime_ns"] == 1
    path.write_bytes(OTHER)
    assert fetch(wanted, here).read_bytes() == ZIP
    assert server.asked("a.zip") == 2


def test_a_wrong_file_stays_until_there_is_a_better_one(server: Server, here: Path):
    here.mkdir()
    (here / "a.zip").write_bytes(OTHER)
    url = server.misbehave("a.zip", failures=ALWAYS)
    message = gives_up(remote(url), here)
    assert f"\n  {here / 'a.zip'}: sha256 is" in message
    assert (here / "a.zip").read_bytes() == OTHER


def test_a_changed_checksum_asks_for_another_look(server: Server, here: Path):
    url = server.url("a.zip")
    fetch(remote(url, checksum=""), here)
    md5 = hashlib.md5(ZIP).hexdigest()
    fetch(remote(url, checksum=f"md5:{md5}"), here)
    assert server.asked("a.zip") == 1
    assert (record(here)["md5"], record(here)["verified"]) == (md5, True)
    other = f"sha256:{hashlib.sha256(OTHER).hexdigest()}"
    assert fetch(remote(server.url("other.zip"), checksum=other), here).read_bytes() == OTHER


def test_a_spoilt_record_is_said(server: Server, here: Path):
    here.mkdir()
    (here / download.RECORD).write_text("[1")
    assert f"{here / download.RECORD} cannot be read" in gives_up(remote(), here)


def test_missing_bytes(server: Server, here: Path):
    here.mkdir()
    (here / "there").write_bytes(b"1")
    (here / "half.part").write_bytes(bytes(30))
    files = [
        RemoteFile("there", (), bytes=9),
        RemoteFile("half", (), bytes=100),
        RemoteFile("new", ()),
    ]
    assert missing_bytes(files, here) == (70, 1)


def test_what_does_not_fit_is_not_begun(server: Server, here: Path):
    files = [remote(server.url("a.zip")), RemoteFile("huge", (server.url("a.zip"),), bytes=10**18)]
    with pytest.raises(TagbenchError, match=r"needed for .* free"):
        fetch_all(files, here)
    assert server.asked("a.zip") == 0


def test_a_folder_that_cannot_be_written_is_said(server: Server, tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    message = gives_up(remote(server.url("a.zip")), tmp_path / "file" / "sub")
    assert "could not be written" in message


def test_a_full_disk_keeps_what_has_come(server: Server, here: Path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, limits[1]))
    try:
        message = gives_up(remote(server.url("a.zip")), here)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "could not be written: [Errno 27]" in message
    assert server.asked("a.zip") == 1  # it is not the server's fault
    fetch(remote(server.url("a.zip")), here)
    assert server.ranges("a.zip") == ["", "bytes=600000-"]


def test_threads_download_once(server: Server, here: Path):
    server.misbehave("a.zip", pause_s=0.005)
    wanted, listener = remote(server.url("a.zip")), Bytes()
    threads = [threading.Thread(target=fetch, args=(wanted, here, listener)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.asked("a.zip") == 1
    assert any("Waiting for another process" in text for text in listener.said)


def test_a_killed_download_is_continued(server: Server, here: Path):
    url = server.misbehave("a.zip", pause_s=0.02)
    process = multiprocessing.get_context("fork").Process(target=fetch, args=(remote(url), here))
    process.start()
    part = here / "a.zip.part"
    until = time.monotonic() + 10
    while not (part.is_file() and part.stat().st_size > 4 * CHUNK) and time.monotonic() < until:
        time.sleep(0.01)
    process.kill()
    process.join()
    have = part.stat().st_size
    assert 0 < have < len(ZIP)
    server.misbehave("a.zip")
    assert fetch(remote(url), here).read_bytes() == ZIP
    assert server.ranges("a.zip")[-1] == f"bytes={have}-"
