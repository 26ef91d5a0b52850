"""FMA: a small publisher on this machine."""

from __future__ import annotations

import csv
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datamodules.audio.sources import FileSource
from datamodules.common.errors import TagbenchError
from datamodules.corpus.completeness import Expected
from datamodules.corpus.track import Track
from datamodules.datasets.fma import FMA
from datamodules.labels.vocabularies import FMA_SMALL
from tests.support.publishers import fma, relocated
from tests.support.server import Server

PUBLISHER = fma
SIZES = ("small", "medium", "large", "full")
FAKE = {
    "small": Expected(8, 3, 2, 2),
    "medium": Expected(16, 7, 4, 4),
    "large": Expected(5, 15, 6, 6),
    "full": Expected(5, 16, 6, 6),
}
Make = Callable[..., FMA]


@pytest.fixture
def make(server: Server, tmp_path: Path) -> Make:
    """Makes the dataset as the server has it."""

    def make(size: str = "small", **options: Any) -> FMA:
        cls = relocated(FMA, server.url(""), server.folder, expected_by_variant=FAKE)
        return cls(size=size, root=tmp_path / "data", workers=1, **options)  # type: ignore[call-arg,return-value]

    return make


class TestPreparation:
    @pytest.mark.parametrize("size", ["small", "large"])
    def test_from_nothing_and_again(self, make: Make, server: Server, size: str) -> None:
        module = make(size)
        module.prepare_data()
        corpus = module.corpus
        assert dict(Counter(corpus.frame["split"])) == FAKE[size].counts
        assert corpus.tags == (
            FMA_SMALL if size == "small"
            else ("Avant-Garde", "Pop", "Rock", "Punk", "Experimental")
        )  # fmt: skip
        rejected = (module.corpus_root / "rejected.csv").read_text()
        assert "no audio" in rejected
        assert len(corpus) == sum(FAKE[size].counts.values())
        assert corpus.samples.min() > 1.9 * corpus.sample_rate
        asked = dict(Counter({path: len(requests) for path, requests in server.requests.items()}))
        assert set(asked) == {"fma_metadata.zip", f"fma_{size}.zip"}
        # The genres that artists chose, without those that they belong to, and without the labels.
        assert set(corpus.frame["sub_genres"]) <= {"12", "10", "25", "1", "10|25", "1|25", ""}
        again = make(size)
        again.prepare_data()
        assert again.corpus.manifest_digest == corpus.manifest_digest
        assert {path: len(requests) for path, requests in server.requests.items()} == asked

    def test_only_what_is_needed_is_unpacked(self, make: Make, tmp_path: Path) -> None:
        module = make()
        module.prepare_data()
        files = {str(p.relative_to(module.downloads)) for p in module.downloads.rglob("*.*")}
        assert {name for name in files if "metadata/" in name} == {
            "fma_metadata/tracks.csv", "fma_metadata/genres.csv",
        }  # fmt: skip
        clips = sorted(p.relative_to(module.audio_root) for p in module.audio_root.rglob("*.mp3"))
        assert len(clips) == 8
        assert clips[0] == Path("001/001105.mp3")
        assert not list(module.audio_root.rglob("README*"))

    def test_sizes_share_prepared_clips_but_not_whole_tracks(self, make: Make) -> None:
        small, medium, full = make("small"), make("medium"), make("full")
        for module in (small, medium, full):
            module.prepare_data()
        shards = sorted((medium.corpus_root / "shards").glob("*.i16"))
        assert any(shard.stat().st_nlink > 1 for shard in shards)
        clips = dict(zip(small.corpus.track_ids, small.corpus.samples, strict=True))
        whole = dict(zip(full.corpus.track_ids, full.corpus.samples, strict=True))
        assert all(whole[track] > 1.9 * clips[track] for track in clips)
        # Its clip is mute, but not the track that it was cut from.
        assert str(fma.MUTE) in whole
        assert str(fma.MUTE) not in clips

    @pytest.mark.parametrize("inner", ["", "fma_medium"])
    def test_audio_that_is_here_already(
        self, make: Make, server: Server, tmp_path: Path, inner: str
    ) -> None:
        with zipfile.ZipFile(server.folder / "fma_medium.zip") as file:
            file.extractall(tmp_path / "mine")
        module = make("medium", audio_dir=str(tmp_path / "mine" / inner))
        module.prepare_data()
        assert len(module.corpus) == 15
        assert not server.asked("fma_medium.zip")

    def test_a_broken_connection_is_continued(self, make: Make, server: Server) -> None:
        server.misbehave("fma_small.zip", break_after=20_000, breaks=1)
        module = make()
        module.prepare_data()
        assert len(module.corpus) == 7
        first, second = server.ranges("fma_small.zip")
        assert not first
        assert second.startswith("bytes=")
        assert second != "bytes=0-"

    @pytest.mark.parametrize(
        ("path", "manner", "message"),
        [
            ("fma_small.zip", {"wrong": True}, "got a file that is not a zip archive"),
            ("fma_small.zip", {"html": True}, "HTML page instead of a zip archive"),
            ("fma_metadata.zip", {"status": 404, "failures": -1}, "404"),
        ],
    )
    def test_what_is_not_the_file_is_refused(
        self, make: Make, server: Server, path: str, manner: dict[str, Any], message: str
    ) -> None:
        server.misbehave(path, **manner)
        module = make()
        with pytest.raises(TagbenchError, match=message) as caught:
            module.prepare_data()
        assert "github.com/mdeff/fma" in str(caught.value)
        assert not (module.corpus_root / "corpus.json").exists()

    @pytest.mark.parametrize("evil", ["fma_small/../../evil.mp3", "../evil.mp3", "/evil.mp3"])
    def test_an_archive_that_leaves_its_folder_is_refused(
        self, make: Make, server: Server, tmp_path: Path, evil: str
    ) -> None:
        path = server.folder / "fma_small.zip"
        with zipfile.ZipFile(path) as file:
            members = {name: file.read(name) for name in file.namelist()}
        fma.archive(path, {**members, evil: b"evil"})
        module = make()
        with pytest.raises(TagbenchError, match=r"evil\.mp3"):
            module.prepare_data()
        assert not list(tmp_path.rglob("evil.mp3"))
        assert not (module.corpus_root / "corpus.json").exists()


class TestRows:
    def _with(self, server: Server, change: Callable[[bytes], bytes]) -> None:
        path = server.folder / "fma_metadata.zip"
        with zipfile.ZipFile(path) as file:
            members = {name: file.read(name) for name in file.namelist()}
        members["fma_metadata/tracks.csv"] = change(members["fma_metadata/tracks.csv"])
        fma.archive(path, members)

    def _by_id(self, module: FMA) -> dict[str, Track]:
        return {track.track_id: track for track in module.list_tracks()}

    def test_fields(self, make: Make) -> None:
        tracks = self._by_id(make("large"))
        assert len(tracks) == 28
        track = tracks["5517"]  # the sixth
        assert isinstance(track.source, FileSource)
        assert track.source.label == "005/005517.mp3"
        assert track.tags == ("Avant-Garde", "Rock", "Punk", "Experimental")
        assert (track.artist, track.album, track.song) == ("1", "", "")  # its album is -1
        assert tracks["4414"].album == "102"
        assert (tracks["4414"].seconds, tracks["1105"].seconds) == (30.0, 18.0)
        assert self._by_id(make("full"))["4414"].seconds == 172.0

    def test_a_track_without_an_album_shares_none(self, make: Make) -> None:
        albums = Counter(t.album for t in make("large").list_tracks() if t.album)
        assert "-1" not in albums
        assert max(albums.values()) == 2

    def test_no_artist_is_in_two_splits(self, make: Make) -> None:
        splits: dict[str, set[str]] = {}
        for track in make("large").list_tracks():
            splits.setdefault(track.artist, set()).add(track.split)
        assert set(map(len, splits.values())) == {1}

    def test_tracks_without_genre_stay_in_training(self, make: Make) -> None:
        bare = [track for track in make("large").list_tracks() if not track.tags]
        assert len(bare) == 4
        assert {track.split for track in bare} == {"train"}

    def test_a_long_cell_leaves_the_csv_module_as_it_was(self, make: Make) -> None:
        before = csv.field_size_limit()
        make("large").list_tracks()
        assert csv.field_size_limit() == before < 140_000

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            (b"\ntrack_id,", b"\n", r"line 3: the third line of the header"),
            (b",subset,", b",subsets,", r"no column set\.subset"),
            (b",training,small,", b",training,tiny,", "Unknown subset 'tiny'"),
            (b",training,small,", b",train,small,", "Did you mean 'training'"),
            (b",training,small,", b",training,", r"line \d+: 52 cells instead of 53"),
            (b",[12],[12],", b",[12],?,", r"tracks\.csv, line \d+"),
            (b",[12],[12],", b",[12],[13],", r"line \d+: KeyError: 13"),
        ],
    )
    def test_a_broken_table_is_refused(
        self, make: Make, server: Server, old: bytes, new: bytes, message: str
    ) -> None:
        self._with(server, lambda text: text.replace(old, new, 1))
        with pytest.raises(TagbenchError, match=message):
            make("large").list_tracks()

    def test_another_list_is_not_the_published_one(self, make: Make, server: Server) -> None:
        self._with(server, lambda text: text.replace(b",validation,small,", b",test,small,", 1))
        with pytest.raises(TagbenchError, match="valid: expected 2 tracks, found 1"):
            make().build_manifest()


def test_unknown_size(tmp_path: Path) -> None:
    with pytest.raises(TagbenchError, match="Did you mean 'medium'"):
        FMA(size="mediun", root=tmp_path)  # type: ignore[arg-type]


def test_sizes_have_corpora_of_their_own(tmp_path: Path) -> None:
    modules = [FMA(size=size, root=tmp_path) for size in SIZES]  # type: ignore[arg-type]
    assert len({module.corpus_root for module in modules}) == 4
    assert [module.task for module in modules] == ["singlelabel"] * 2 + ["multilabel"] * 2
    assert [len(module.errata) for module in modules] == [17, 17, 17, 0]
    assert sum(modules[3].expected.counts.values()) == 106_574
