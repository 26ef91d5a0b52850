from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from datamodules.common.errors import TagbenchError
from datamodules.download import fetch as download
from datamodules.download import http
from datamodules.download.fetch import fetch, fetch_all, missing_bytes
from datamodules.download.remote_file import RemoteFile
from datamodules.download.resume import PartialDownload
from tests.support.server import ALWAYS, PAGE, Server, serve

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


# What goes well


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


# Connections that break


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
        ({"wrong": True}, "got something else than a zip archive"),
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


# Remotes


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "../a"}, "below a folder"),
        ({"name": "/a"}, "below a folder"),
        ({"name": ""}, "below a folder"),
        ({"kind": "zipp"}, "Did you mean 'zip'"),
        ({"checksum": "sha257:00"}, "Did you mean 'sha256'"),
        ({"checksum": "md5:xy"}, "is not a md5"),
        ({"checksum": "md5:" + "A" * 32}, "is not a md5"),
    ],
)
def test_a_misspelt_remote_is_refused(given: dict[str, str], said: str):
    with pytest.raises(TagbenchError, match=said):
        RemoteFile(**{"name": "a", "urls": (), **given})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("zip", b"PK\x05\x06", b"PX\x05\x06"),
        ("gzip", b"\x1f\x8b\x08", b"\x1f\x8c\x08"),
        ("tar", bytes(257) + b"ustar\x0000", bytes(257) + b"star\x0000"),
        ("npy", b"\x93NUMPY\x01", b"NUMPY\x01"),
        ("sqlite", b"SQLite format 3\x00", b"SQLite format 2\x00"),
        ("text", b"a\tb\n<p>", b"a\0b"),
        ("", b"\0\0", b"\xef\xbb\xbf\n <HTML lang=en>"),
        ("", b"<?xml version='1.0'?><feed>", b"<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC"),
    ],
)
def test_first_bytes(kind: str, good: bytes, bad: bytes):
    some = RemoteFile("a", (), kind=kind)
    assert some.wrong_head(good) == ""
    assert some.wrong_head(bad)
    assert "empty" in some.wrong_head(b"")
