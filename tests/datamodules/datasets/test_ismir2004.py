from __future__ import annotations

import csv
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from datamodules.common.errors import TagbenchError
from datamodules.corpus.completeness import Expected
from datamodules.corpus.track import SPLITS, Track
from datamodules.datasets.ismir2004 import Ismir2004
from tests.support.progress import ProgressRecorder
from tests.support.publishers import ismir2004

CLASSES = tuple(ismir2004.CLASSES)
# Four artists of six classes with a track each; evaluation has one more.
FAKE = {"development": Expected(6, 18, 6, 24), "evaluation": Expected(6, 18, 6, 25)}
Make = Callable[..., Ismir2004]


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("ismir2004") / "published"
    return folder, ismir2004.publish(folder)


@pytest.fixture
def folder(published: tuple[Path, dict[str, str]], tmp_path: Path) -> Path:
    return Path(shutil.copytree(published[0], tmp_path / "ismir"))


@pytest.fixture
def make(published: tuple[Path, dict[str, str]], folder: Path, tmp_path: Path) -> Make:
    class Small(Ismir2004):
        tracklists = published[1]
        expected_by_variant = FAKE

    def make(test: str = "development", **options: Any) -> Ismir2004:
        options = {"audio_dir": str(folder), **options}
        data = Small(test=test, root=tmp_path / "data", workers=1, **options)  # type: ignore[arg-type]
        data.progress = ProgressRecorder()
        return data

    return make


def said(data: Ismir2004) -> str:
    assert isinstance(data.progress, ProgressRecorder)
    return "\n".join(data.progress.said)


def values(tracks: Sequence[Track], split: str, field: str) -> set[str]:
    return {getattr(track, field) for track in tracks if track.split == split}


class TestRealLists:
    @pytest.fixture
    def real(self, shared_data: Path, tmp_path: Path) -> Callable[[str], Ismir2004]:
        folder = str(shared_data / "ismir2004")
        return lambda test: Ismir2004(root=tmp_path, test=test, audio_dir=folder)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("test", "counts"),
        [
            ("development", (320, 114, 26, 45, 102, 122)),
            ("evaluation", (319, 115, 26, 45, 101, 123)),
        ],
    )
    def test_counts(
        self, real: Callable[[str], Ismir2004], test: str, counts: tuple[int, ...]
    ) -> None:
        data = real(test)
        tracks = data.build_manifest()  # proves counts, digest and the md5 of the lists
        assert data.tags == CLASSES
        found = Counter((track.split, *track.tags) for track in tracks)
        assert tuple(found["test", genre] for genre in CLASSES) == counts
        training = tuple(found["train", genre] + found["valid", genre] for genre in CLASSES)
        assert training == (320, 115, 26, 45, 101, 122)
        for genre, count in zip(CLASSES, training, strict=True):
            assert found["valid", genre] == pytest.approx(0.15 * count, abs=1)
        assert not values(tracks, "train", "artist") & values(tracks, "valid", "artist")

    @pytest.mark.parametrize("test", ["development", "evaluation"])
    def test_every_path_is_that_of_a_file(
        self, real: Callable[[str], Ismir2004], shared_data: Path, test: str
    ) -> None:
        lines = (shared_data / "ismir2004" / "filenames.txt").read_text(encoding="utf-8")
        there = {
            name.removeprefix("./")
            for name in lines.splitlines()
            if name.startswith(("./audio/training/", f"./audio/{test}/"))
        }
        assert {track.source.label for track in real(test).list_tracks()} == there
        assert len(there) == 2 * 729

    def test_artists_and_albums_shared_with_evaluation(
        self, real: Callable[[str], Ismir2004]
    ) -> None:
        tracks = real("evaluation").list_tracks()
        for field, shared, known in (("artist", 127, 127), ("album", 214, 216)):
            training = values(tracks, "train", field) | values(tracks, "valid", field)
            test = values(tracks, "test", field)
            assert (len(training & test), len(test)) == (shared, known)

    def test_nobody_of_development_is_known(self, real: Callable[[str], Ismir2004]) -> None:
        tracks = real("development").list_tracks()
        assert len(values(tracks, "test", "artist")) == 128
        training = values(tracks, "train", "artist") | values(tracks, "valid", "artist")
        assert len(training) == 128
        assert not training & values(tracks, "test", "artist")

    def test_both_variants_train_on_the_same(self, real: Callable[[str], Ismir2004]) -> None:
        sides = [
            {
                track.track_id: track.split
                for track in real(test).list_tracks()
                if track.split != "test"
            }
            for test in ("development", "evaluation")
        ]
        assert sides[0] == sides[1]


class TestPrepare:
    def test_to_a_corpus_with_its_leaks_told(self, make: Make) -> None:
        data = make("evaluation")
        data.prepare_data()
        corpus = data.corpus
        assert [corpus.info["splits"][split] for split in SPLITS] == [18, 6, 25]
        assert (corpus.task, corpus.tags) == ("singlelabel", CLASSES)
        assert corpus.info["rejected"] == 0
        assert corpus.info["cautions"] == [
            f"24 of 25 {kind}s are in more than one split: scores may be higher than on unknown "
            f"{kind}s."
            for kind in ("artist", "album")
        ]
        row = corpus.frame.set_index("track_id").loc[f"evaluation/{ismir2004.SCRAMBLED[1]}"]
        assert (row["tags"], row["artist"], row["album"]) == (
            ("electronic",), "strojovna_07", "strojovna_07/dirnix",
        )  # fmt: skip

    def test_development_says_what_cannot_be_counted(self, make: Make) -> None:
        data = make()
        data.prepare_data()
        assert [data.corpus.info["splits"][split] for split in SPLITS] == [18, 6, 24]
        assert data.corpus.info["cautions"] == []
        assert "shares 127 of 127 artists and 214 of 216 albums" in said(data)
        ids = list(data.corpus.split("test")["track_id"])
        assert "development/artist_0_album_0_track_0.mp3" in ids
        # Prepared once, it is there without the folder.
        make(audio_dir="").setup("fit")

    def test_missing_files_are_counted_before_anything_is_decoded(
        self, make: Make, folder: Path
    ) -> None:
        (folder / "audio/training/jazz/jazz_blues_0/songs_(live)/1-it's.mp3").unlink()
        data = make()
        with pytest.raises(TagbenchError, match=r"of (18 train|6 valid) tracks") as caught:
            data.prepare_data()
        assert "to continue" in str(caught.value).lower()
        assert "1-it's.mp3" in said(data)
        make(partial=True).prepare_data()

    def test_without_a_folder_it_says_what_to_do(self, make: Make) -> None:
        data = make(audio_dir="")
        with pytest.raises(TagbenchError, match="cannot be downloaded") as caught:
            data.prepare_data()
        assert "https://zenodo.org/record/1302992" in str(caught.value)
        assert "--audio-dir FOLDER" in str(caught.value)

    def test_a_folder_too_deep(self, make: Make, folder: Path) -> None:
        with pytest.raises(TagbenchError, match="both 'audio' and 'metadata'"):
            make(audio_dir=str(folder / "audio")).prepare_data()


class TestLists:
    def test_a_header_other_quotes_and_ends_of_lines_make_no_difference(
        self, make: Make, folder: Path
    ) -> None:
        before = make().list_tracks()
        for part in ("training", "development"):
            path = folder / "metadata" / part / "tracklist.csv"
            with path.open(encoding="utf-8", newline="") as lines:
                rows = list(csv.reader(lines))
            with path.open("w", encoding="utf-8", newline="") as out:
                header = ("class", "artist", "album", "track", "track number", "file path")
                csv.writer(out, lineterminator="\r\n").writerows([header, *rows])
        after = make().list_tracks()
        assert [(t.track_id, t.split, t.tags) for t in after] == [
            (t.track_id, t.split, t.tags) for t in before
        ]

    def test_another_class_is_noticed(self, make: Make, folder: Path) -> None:
        """The digest of the split would not see it."""
        path = folder / "metadata" / "development" / "tracklist.csv"
        path.write_text(path.read_text().replace('"world"', '"rock_pop"', 1))
        with pytest.raises(TagbenchError, match="is not the published list: 24 tracks, md5"):
            make().build_manifest()
        make("evaluation").build_manifest()

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ('"classical","a","b","c","1","d.mp3","5"\n', "track 1: expected 6 columns"),
            ('"polka","a","b","c","1","d.mp3"\n', "the first a class, found"),
            ("", "0 tracks"),
        ],
    )
    def test_a_malformed_list(self, make: Make, folder: Path, text: str, complaint: str) -> None:
        (folder / "metadata" / "training" / "tracklist.csv").write_text(text)
        with pytest.raises(TagbenchError, match=complaint):
            make().list_tracks()

    def test_a_list_in_another_encoding(self, make: Make, folder: Path) -> None:
        path = folder / "metadata" / "evaluation" / "tracklist.csv"
        path.write_bytes(path.read_text(encoding="utf-8").replace("\ufffd", "ý").encode("latin-1"))
        with pytest.raises(TagbenchError, match="cannot be read"):
            make("evaluation").list_tracks()

    def test_an_unknown_test_set(self, make: Make) -> None:
        with pytest.raises(TagbenchError, match=r"Did you mean 'evaluation'\?"):
            make("evaluate")
