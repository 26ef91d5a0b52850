"""MTG-Jamendo: a small publisher on this machine."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import shutil
import signal
import tarfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from datamodules import base
from datamodules.common.errors import TagbenchError
from datamodules.common.formatting import human_bytes
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import Track
from datamodules.datasets.mtg_jamendo import Jamendo
from datamodules.download import http
from tests.support.publishers import relocated
from tests.support.publishers.jamendo import FOLDERS, STEMS, expected, publish, rows
from tests.support.server import ALWAYS, Server, serve

RAW = "raw_30s/audio-low/raw_30s_audio-low"
MOOD = "autotagging_moodtheme/audio-low/autotagging_moodtheme_audio-low"


class Said:
    """Keeps what is announced, and says what lay below a folder at each announcement."""

    def __init__(self, downloads: Path) -> None:
        self.downloads = downloads
        self.texts: list[str] = []
        self.tars: list[list[str]] = []

    def announce(self, text: str) -> None:
        self.texts.append(text)

    def start(self, total: int, unit: str = "tracks", title: str | None = None) -> None:
        found = [*self.downloads.glob("*.tar"), *self.downloads.glob("*.tar.part")]
        self.tars.append(sorted(path.name for path in found))

    def advance(self, count: int = 1) -> None:
        pass

    def finish(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BACKOFF_S", 0.0)
    monkeypatch.setattr(base, "usable_cpus", lambda: 0)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(tmp_path_factory.mktemp("jamendo"))


@pytest.fixture
def server(published: Path) -> Iterator[Server]:
    with serve(published) as running:
        yield running


def local(server: Server, **constants: object) -> type[Jamendo]:
    constants["expected_by_variant"] = {f"{subset}/0": expected(subset) for subset in STEMS}
    moved = relocated(Jamendo, server.url(""), server.folder, hosts=(server.url(""),), **constants)
    assert issubclass(moved, Jamendo)
    return moved


def module(server: Server, root: Path, workers: int = 0, **params: object) -> Jamendo:
    """Return a module of the served dataset; without workers, this process decodes."""
    made = local(server)(root=root, workers=workers, **params)  # type: ignore[arg-type]
    made.progress = Said(made.downloads)
    return made


def tars(server: Server) -> dict[str, int]:
    """Return how often each archive was asked for."""
    return {
        path.removesuffix(".tar"): server.asked(path) for path in server.requests if ".tar" in path
    }


def test_prepared_from_nothing_and_again_without_a_request(server: Server, tmp_path: Path) -> None:
    made = module(server, tmp_path)
    made.prepare_data()
    listed = {song.track_id: song for song in rows("top50")}
    assert set(made.corpus.track_ids) == set(listed)
    frame = made.corpus.frame.set_index("track_id")
    assert all(frame.loc[i, "tags"] == listed[i].tags for i in listed)
    assert frame["artist"].str.fullmatch(r"artist_\d{6}").all()
    assert (made.corpus.samples >= 16000).all()
    assert tars(server) == {f"{RAW}-{folder}": 1 for folder in FOLDERS}
    server.requests.clear()
    module(server, tmp_path).prepare_data()
    assert server.requests == {}


def test_one_archive_at_a_time_and_none_left(server: Server, tmp_path: Path) -> None:
    made = module(server, tmp_path)
    made.prepare_data()
    assert isinstance(made.progress, Said)
    assert max(map(len, made.progress.tars)) <= 1
    assert {name for names in made.progress.tars for name in names if name.endswith(".tar")} == {
        f"raw_30s_audio-low-{folder}.tar" for folder in FOLDERS
    }
    assert not {path.suffix for path in made.downloads.iterdir()} & {".tar", ".part"}
    assert not list(tmp_path.rglob("*.mp3"))
    assert not (made.corpus_root / "unpacked").exists()


def test_estimate_is_of_the_share_that_is_needed(server: Server, tmp_path: Path) -> None:
    made = module(server, tmp_path, subset="moodtheme")
    made.prepare_data()
    assert isinstance(made.progress, Said)
    text = " ".join(made.progress.texts)
    assert "3 of 100 tar archives are needed" in text
    assert f"{human_bytes(3 * (46 << 30) // 100)} to be downloaded" in text
    assert "(at most 1.3 GB on the disk at any time)" in text


def test_only_tracks_of_the_subset_are_unpacked(server: Server, tmp_path: Path) -> None:
    made = module(server, tmp_path, subset="moodtheme")
    unpacked: set[str] = set()
    for _ in made.supply(made.build_manifest()):
        unpacked.update(path.name for path in made.audio_root.rglob("*.mp3"))
    assert unpacked == {f"{song.number}.low.mp3" for song in rows("moodtheme")}


def test_moodtheme_after_genre_fetches_only_what_genre_lacks(
    server: Server, tmp_path: Path
) -> None:
    module(server, tmp_path, subset="genre").prepare_data()
    assert tars(server) == {f"{RAW}-{folder}": 1 for folder in FOLDERS}
    server.requests.clear()
    made = module(server, tmp_path, subset="moodtheme")
    lacking = {s.track_id for s in rows("moodtheme")} - {s.track_id for s in rows("genre")}
    supplied: list[str] = []
    supply = made.supply

    def spy(missing: Sequence[Track]) -> Iterator[Sequence[Track]]:
        supplied.extend(track.track_id for track in missing)
        yield from supply(missing)

    made.supply = spy  # type: ignore[method-assign]
    made.prepare_data()
    assert set(supplied) == lacking
    assert len(lacking) == len(FOLDERS)
    assert tars(server) == {f"{MOOD}-{folder}": 1 for folder in FOLDERS}


@pytest.mark.parametrize(("first", "second"), [("all", "moodtheme"), ("all", "instrument")])
def test_a_subset_of_what_is_decoded_costs_no_archive(
    first: str, second: str, server: Server, tmp_path: Path
) -> None:
    module(server, tmp_path, subset=first).prepare_data()
    server.requests.clear()
    made = module(server, tmp_path, subset=second)
    made.prepare_data()
    assert tars(server) == {}
    assert set(made.corpus.track_ids) == {song.track_id for song in rows(second)}


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
    ("manner", "reason"), [({"wrong": True}, "got something else"), ({"html": True}, "HTML page")]
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
        with pytest.raises(TagbenchError, match=r"41/241\.low\.mp3 from .*: it is not in there"):
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


def test_audio_dir_in_the_layout_of_the_publisher(server: Server, tmp_path: Path) -> None:
    audio = tmp_path / "mine"
    for folder in FOLDERS:
        with tarfile.open(server.folder / f"{RAW}-{folder}.tar") as tar:
            tar.extractall(audio, filter="data")
    made = module(server, tmp_path / "a", audio_dir=str(audio))
    made.prepare_data()
    assert tars(server) == {}
    assert not any("sha256" in path for path in server.requests)
    assert len(list(audio.rglob("*.mp3"))) == 27  # nobody deletes what is the user's
    fetched = module(server, tmp_path / "b")
    fetched.prepare_data()
    assert made.corpus.manifest_digest == fetched.corpus.manifest_digest
    assert made.corpus_root.name == fetched.corpus_root.name


def test_audio_dir_of_full_quality_has_other_names(server: Server, tmp_path: Path) -> None:
    made = module(server, tmp_path, audio="audio", audio_dir=str(tmp_path))
    assert {t.source.label for t in made.list_tracks()} == {song.path for song in rows("top50")}
    low = module(server, tmp_path, audio_dir=str(tmp_path))
    assert made.corpus_root != low.corpus_root


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"subset": "mood"}, "Did you mean 'moodtheme'"),
        ({"split": 5}, "Unknown split '5' in jamendo: split. Valid: 0, 1, 2, 3, 4"),
        ({"audio": "low"}, "Did you mean 'audio-low'"),
    ],
)
def test_wrong_parameters(params: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(TagbenchError, match=re.escape(message)):
        Jamendo(root=tmp_path, **params)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("TRACK_ID\t", "ID\t", "line 1: expected the columns"),
        ("\t1.0\t", "\tx\t", "line 2: expected TRACK_ID"),
        ("\tgenre---ambient", "", "expected TRACK_ID"),
    ],
)
def test_malformed_list_names_its_line(
    old: str, new: str, where: str, published: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "bad"
    shutil.copytree(published / "splits", folder / "splits")
    shutil.copytree(published / "download", folder / "download")
    path = folder / "splits/split-0/autotagging_genre-train.tsv"
    path.write_bytes(path.read_bytes().replace(old.encode(), new.encode()))
    with serve(folder) as server:
        made = module(server, tmp_path / "root", subset="genre")
        with pytest.raises(TagbenchError, match=f"genre-train.tsv, {where}|{where}"):
            made.build_manifest()


def test_malformed_checksums_name_their_line(published: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bad"
    shutil.copytree(published, folder)
    (folder / "download/raw_30s_audio-low_sha256_tracks.txt").write_text("404: Not Found\n")
    with serve(folder) as server, pytest.raises(TagbenchError, match=r"tracks\.txt, line 1"):
        module(server, tmp_path / "root").build_manifest()


def test_rows_do_not_depend_on_the_place(server: Server, tmp_path: Path) -> None:
    for name in ("a", "b"):
        module(server, tmp_path / name, subset="instrument").prepare_data()
    infos = [
        json.loads(path.read_text()) for path in sorted(tmp_path.glob("*/jamendo-*/corpus.json"))
    ]
    assert len(infos) == 2
    assert infos[0] == infos[1]
