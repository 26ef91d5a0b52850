"""Unpacking: which files appear where, and continuing after an interruption."""

from __future__ import annotations

import io
import os
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodules.download import extract as archives
from datamodules.download.extract import extract
from datamodules.download.split_archive import SplitArchive
from tests.support.archives import FILES, LITTER, MAKERS, cut, refuses, there, zip_of


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("parts", [1, 3])
def test_what_is_wanted_is_unpacked(tmp_path: Path, kind: str, parts: int):
    archive = MAKERS[kind](tmp_path / "archive", {**FILES, **LITTER})
    given = archive if parts == 1 else cut(archive, parts)
    into = tmp_path / "into"
    assert extract(given, into) == sorted(FILES)
    assert there(into) == FILES
    names = extract(
        given, tmp_path / "some", wanted=lambda n: n.endswith("mp3"), rename=lambda n: f"x/{n[2:]}"
    )
    assert names == ["a/1.mp3", "a/2.mp3", "b/3.mp3"]
    assert there(tmp_path / "some") == {f"x/{name[2:]}": FILES[name] for name in names}


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=5), st.data())
def test_joined_parts_read_like_one_file(tmp_path_factory: Any, pieces: list[bytes], data: Any):
    folder = tmp_path_factory.mktemp("parts")
    paths = [folder / str(n) for n in range(len(pieces))]
    for path, piece in zip(paths, pieces, strict=True):
        path.write_bytes(piece)
    whole = b"".join(pieces)
    with io.BufferedReader(SplitArchive(paths), 8) as joined:
        for _ in range(4):
            at = data.draw(st.integers(0, len(whole) + 3))
            count = data.draw(st.integers(0, 60))
            joined.seek(at)
            assert joined.read(count) == whole[at : at + count]
        assert joined.seek(0, os.SEEK_END) == len(whole)


def test_progress_counts_what_is_written(tmp_path: Path):
    heard: list[Any] = []

    class Listener:
        def announce(self, text: str) -> None:
            heard.append(text)

        def start(self, total: int, unit: str = "tracks", title: str | None = None) -> None:
            heard.append((total, unit, title))

        def advance(self, count: int = 1) -> None:
            heard.append(count)

        def finish(self) -> None:
            heard.append("finished")

    archive = zip_of(tmp_path / "x.zip", FILES)
    (tmp_path / "into" / "a").mkdir(parents=True)
    (tmp_path / "into" / "a" / "1.mp3").write_bytes(FILES["a/1.mp3"])
    extract(archive, tmp_path / "into", progress=Listener())
    total = len(FILES["a/2.mp3"]) + 2  # an empty file weighs nothing
    assert heard[0] == (total, "bytes", "unpack x.zip")
    assert sum(count for count in heard if isinstance(count, int)) == total
    assert heard[-1] == "finished"


# Resuming


@pytest.mark.parametrize("kind", ["deflated", "tar.gz"])
def test_a_second_run_does_only_what_is_missing(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
):
    archive, into = MAKERS[kind](tmp_path / "archive", FILES), tmp_path / "into"
    extract(archive, into)
    (into / "a" / "2.mp3").write_bytes(b"cut")
    (into / "lists.txt").unlink()
    (into / "lists.txt.part").write_bytes(b"old")
    before = (into / "a" / "1.mp3").stat()
    written = []
    write = archives._write
    monkeypatch.setattr(
        archives, "_write", lambda *given: (written.append(given[1].name), write(*given))
    )
    assert extract(archive, into) == sorted(FILES)
    assert there(into) == FILES
    assert written == ["a/2.mp3", "lists.txt"]
    after = (into / "a" / "1.mp3").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_break_leaves_whole_files_only(tmp_path: Path):
    archive, into = zip_of(tmp_path / "x.zip", FILES), tmp_path / "into"

    class Break:
        def announce(self, text: str) -> None: ...
        def start(self, total: int, unit: str = "tracks", title: str | None = None) -> None: ...
        def finish(self) -> None: ...
        def advance(self, count: int = 1) -> None:
            if count == len(FILES["a/2.mp3"]):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(archive, into, progress=Break())
    assert there(into)["a/1.mp3"] == FILES["a/1.mp3"]
    assert not (into / "a" / "2.mp3").exists()
    extract(archive, into)
    assert there(into) == FILES


def test_a_full_disk_is_said(tmp_path: Path):
    archive, into = zip_of(tmp_path / "x.zip", FILES), tmp_path / "into"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        message = refuses(archive, into)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert f"could not be unpacked to {into}: [Errno 27]" in message
    extract(archive, into)
    assert there(into) == FILES


@pytest.mark.parametrize("kind", ["deflated", "tar.gz"])
def test_several_unpack_at_once(tmp_path: Path, kind: str):
    archive, into = MAKERS[kind](tmp_path / "archive", FILES), tmp_path / "into"
    with ThreadPoolExecutor(4) as pool:
        names = list(pool.map(lambda _: extract(archive, into), range(4)))
    assert names == [sorted(FILES)] * 4
    assert there(into) == FILES
