"""MTG-Jamendo: a small publisher on this machine."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from datamodules.common.errors import TagbenchError
from datamodules.common.formatting import human_bytes
from datamodules.corpus.track import Track
from datamodules.datasets.mtg_jamendo import Jamendo
from tests.support.publishers import jamendo
from tests.support.publishers.jamendo import FOLDERS, rows
from tests.support.served_jamendo import MOOD, RAW, DiskRecorder, module, tars
from tests.support.server import Server, serve

PUBLISHER = jamendo
pytestmark = pytest.mark.usefixtures("decode_in_this_process")


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
    assert isinstance(made.progress, DiskRecorder)
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
    assert isinstance(made.progress, DiskRecorder)
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
