"""The lists of GTZAN: the fault-filtered split, and the folds of artists."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from datamodules.corpus.track import SPLITS
from datamodules.datasets.gtzan import Gtzan, fault_filtered_clips
from tests.support.publishers import gtzan


class TestRealLists:
    @pytest.fixture
    def real(self, shared_data: Path, tmp_path: Path) -> Path:
        """A data root with the lists of artists downloaded."""
        folder = tmp_path / "downloads" / "gtzan" / "foleiss"
        folder.mkdir(parents=True)
        for file in (shared_data / "gtzan" / "foleiss").glob("*_evaluate_groups.txt"):
            shutil.copy(file, folder)
        return tmp_path

    def test_the_fault_filtered_split_is_the_published_one(
        self, shared_data: Path, tmp_path: Path
    ) -> None:
        tracks = Gtzan(root=tmp_path).build_manifest()  # proves counts and digest, without a server
        for split in SPLITS:
            lines = (shared_data / "gtzan" / "splits" / f"{split}_filtered.txt").read_text()
            ours = {f"{t.tags[0]}/{t.track_id}.wav" for t in tracks if t.split == split}
            assert ours == set(lines.split())

    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_a_fold_is_the_published_one(self, real: Path, shared_data: Path, number: int) -> None:
        data = Gtzan(root=real, split=f"fold{number}")  # type: ignore[arg-type]
        tracks = data.build_manifest()  # proves counts, digest and the sha256 of the lists
        lists = shared_data / "gtzan" / "foleiss"
        for file, splits in (("train", {"train", "valid"}), ("evaluate", {"test"})):
            theirs = dict(
                line.split("\t")
                for line in (lists / f"f{number}_{file}.txt").read_text().split("\n")
                if line
            )
            ours = {
                f"./{t.track_id.replace('.', '_')}.wav": t.tags[0]
                for t in tracks
                if t.split in splits
            }
            assert ours == theirs
        sides = defaultdict(set)
        for track in tracks:
            sides[track.artist].add(track.split)
        assert len(sides) == 412
        assert {len(found) for found in sides.values()} == {1}
        learnt, validated = (
            Counter(track.tags[0] for track in tracks if track.split == split)
            for split in ("train", "valid")
        )
        for genre in data.tags:
            assert validated[genre] / (learnt[genre] + validated[genre]) == pytest.approx(
                0.15, abs=0.02
            )

    def test_the_fault_filtered_split_tears_one_artist_apart(self, real: Path) -> None:
        artists = {t.track_id: t.artist for t in Gtzan(root=real, split="fold1").list_tracks()}
        clips = {clip.track_id: split for clip, split in fault_filtered_clips()}
        assert len(artists.keys() & clips.keys()) == 887
        sides = defaultdict(set)
        for clip in artists.keys() & clips.keys():
            sides[artists[clip]].add((clip, clips[clip]))
        torn = [found for found in sides.values() if len({split for _, split in found}) > 1]
        assert [{c for c, s in found if s == "test"} for found in torn] == [{"disco.00069"}]
        assert {("disco.00049", "train"), ("disco.00073", "train")} <= torn[0]


def test_fault_filtered_counts_by_genre() -> None:
    counts = Counter((clip.genre, split) for clip, split in fault_filtered_clips())
    assert {genre: tuple(counts[genre, split] for split in SPLITS) for genre in gtzan.GENRES} == {
        "blues": (46, 23, 31), "classical": (48, 20, 31), "country": (45, 23, 30),
        "disco": (42, 22, 29), "hiphop": (47, 18, 27), "jazz": (43, 17, 27),
        "metal": (44, 20, 27), "pop": (41, 13, 30), "reggae": (43, 17, 26), "rock": (44, 24, 32),
    }  # fmt: skip
    assert {g: 100 - sum(counts[g, s] for s in SPLITS) for g in ("blues", "pop", "reggae")} == {
        "blues": 0, "pop": 16, "reggae": 14,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("genres/blues/blues.00042.wav", "genres/blues/blues.00042.wav"),
        ("Data/genres_original/hip-hop/hip-hop.00001.wav", "genres/hiphop/hiphop.00001.wav"),
        ("blues/blues.00000.au", "genres/blues/blues.00000.wav"),
        ("genres/blues/._blues.00042.wav", ""),
        ("genres/blues/blues.mf", ""),
        ("genres/.DS_Store", ""),
        ("images_original/blues/blues00000.png", ""),
        ("genres/polka/polka.00000.wav", ""),
    ],
)
def test_members_of_archives(tmp_path: Path, name: str, path: str) -> None:
    assert Gtzan(root=tmp_path).audio_path(name) == path
