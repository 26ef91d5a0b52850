"""Archives of MTG-Jamendo that are broken off, or not those of the publisher."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import re
import shutil
import signal
import tarfile
import time
from pathlib import Path

import pytest

from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus
from tests.support.publishers import jamendo
from tests.support.publishers.jamendo import FOLDERS, rows
from tests.support.served_jamendo import RAW, module, tars
from tests.support.server import ALWAYS, Server, serve

PUBLISHER = jamendo
pytestmark = pytest.mark.usefixtures("decode_in_this_process")


def test_broken_connection_is_resumed(server: Server, tmp_path: Path) -> None:
    path = f"{RAW}-41.tar"
    server.misbehave(path, break_after=1 << 13, breaks=1)
    made = module(server, tmp_path)
    made.prepare_data()
    assert re.fullmatch(r" bytes=[1-9]\d*-", " ".join(server.ranges(path)))
    assert len(made.corpus) == len(rows("top50"))


def test_failed_in_the_middle_fetches_only_the_rest(server: Server, tmp_path: Path) -> None:
    path = f"{RAW}-41.tar"
    server.misbehave(path, failures=ALWAYS)
    with pytest.raises(TagbenchError, match=r"raw_30s_audio-low-41\.tar could not be downloaded"):
        module(server, tmp_path).prepare_data()
    server.misbehave(path)
    server.requests.clear()
    made = module(server, tmp_path)
    made.prepare_data()
    assert tars(server) == {f"{RAW}-41": 1, f"{RAW}-42": 1}
    assert len(made.corpus) == len(rows("top50"))


def prepare_elsewhere(server: Server, root: Path) -> None:
    os.setpgrp()
    module(server, root, workers=1).prepare_data()


def test_killed_in_the_middle_fetches_only_the_rest(server: Server, tmp_path: Path) -> None:
    path = f"{RAW}-41.tar"
    # A fork shares what this process knows of the server, and nothing that changes later.
    server.misbehave(path, pause_s=0.05)
    process = multiprocessing.get_context("fork").Process(
        target=prepare_elsewhere, args=(server, tmp_path)
    )
    process.start()
    deadline = time.monotonic() + 60
    while server.sent[path] < 1 << 14:
        assert time.monotonic() < deadline
        assert process.is_alive()
        time.sleep(0.01)
    assert process.pid is not None
    os.killpg(process.pid, signal.SIGKILL)
    process.join()
    server.misbehave(path)
    server.requests.clear()
    made = module(server, tmp_path)
    made.prepare_data()
    assert tars(server) == {f"{RAW}-41": 1, f"{RAW}-42": 1}
    assert len(made.corpus) == len(rows("top50"))
    fresh = module(server, tmp_path / "fresh")
    fresh.prepare_data()
    assert made.corpus.manifest_digest == fresh.corpus.manifest_digest


def test_killed_while_decoding_needs_no_archive_again(server: Server, tmp_path: Path) -> None:
    made = module(server, tmp_path)
    tracks = made.build_manifest()
    first = next(iter(made.supply(tracks)))  # unpacked, and then nothing more
    assert {track.source.label[:2] for track in first} == {FOLDERS[0]}
    server.requests.clear()
    module(server, tmp_path).prepare_data()
    assert tars(server) == {f"{RAW}-{folder}": 1 for folder in FOLDERS[1:]}
    assert not list(tmp_path.rglob("*.mp3"))


def test_what_a_kill_left_behind_goes(server: Server, tmp_path: Path) -> None:
    made = module(server, tmp_path)
    made.prepare_data()
    left = made.corpus_root / "unpacked" / "00" / "200.low.mp3"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"left")
    module(server, tmp_path).prepare_data()
    assert not left.exists()


@pytest.mark.parametrize(
    ("manner", "reason"),
    [({"wrong": True}, "got a file that is not"), ({"html": True}, "HTML page")],
)
def test_wrong_archive_is_refused(
    manner: dict[str, bool], reason: str, server: Server, tmp_path: Path
) -> None:
    server.misbehave(f"{RAW}-00.tar", **manner)
    made = module(server, tmp_path)
    with pytest.raises(TagbenchError, match=reason):
        made.prepare_data()
    with pytest.raises(TagbenchError):
        Corpus.open(made.corpus_root)


def test_track_that_is_not_the_listed_one_is_refused(server: Server, tmp_path: Path) -> None:
    made = module(server, tmp_path)
    made.build_manifest()
    made.archive_set.members.sha256["41/241.low.mp3"] = "0" * 64
    with pytest.raises(TagbenchError, match=r"41/241\.low\.mp3 from .*-41\.tar: its sha256 is"):
        list(made.supply(made.build_manifest()))
    assert not (made.audio_root / "41" / "241.low.mp3").exists()


def relist(tar: Path) -> None:
    """Put the checksum of an archive into the list of archives."""
    path = tar.parents[2] / "download" / "raw_30s_audio-low_sha256_tars.txt"
    new = f"{hashlib.sha256(tar.read_bytes()).hexdigest()} {tar.name}"
    path.write_text(re.sub(f"[0-9a-f]{{64}} {re.escape(tar.name)}", new, path.read_text()))


def test_archive_without_a_track_is_refused(published: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    shutil.copytree(published, folder)
    shutil.copy(folder / f"{RAW}-42.tar", folder / f"{RAW}-41.tar")
    relist(folder / f"{RAW}-41.tar")
    with serve(folder) as server:
        made = module(server, tmp_path / "root")
        with pytest.raises(
            TagbenchError, match=r"41/241\.low\.mp3 from .*: it is not in the archive"
        ):
            made.prepare_data()


def test_member_that_is_a_link_is_refused(published: Path, tmp_path: Path) -> None:
    folder = tmp_path / "evil"
    shutil.copytree(published, folder)
    tar = folder / f"{RAW}-00.tar"
    tar.unlink()
    with tarfile.open(tar, "w") as archive:
        member = tarfile.TarInfo("00/200.low.mp3")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    relist(tar)
    with serve(folder) as server:
        made = module(server, tmp_path / "root")
        with pytest.raises(TagbenchError, match=r"00/200\.low\.mp3"):
            made.prepare_data()
    assert not made.corpus_root.joinpath("corpus.json").exists()
