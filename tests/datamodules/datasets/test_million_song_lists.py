"""The official lists of the Million Song Dataset."""

from __future__ import annotations

import shutil
import tarfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from datamodules.annotations.msd_audio_layout import BY_CLIP
from datamodules.annotations.msd_lists import read_table, unpickle_ids
from datamodules.common.canonical_json import digest_rows
from datamodules.corpus.track import Track
from datamodules.datasets.million_song import SHORT_CLIPS, MillionSongDataset
from datamodules.labels.vocabularies import MSD_LASTFM50

SPLITS = ("train", "valid", "test")


@pytest.fixture(scope="module")
def official(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``lee/`` and a data root: Choi's lists as downloads, train without labels."""
    root = tmp_path_factory.mktemp("official")
    with tarfile.open(shared_data / "msd" / "metadata.tar.xz") as archive:
        archive.extractall(root, filter="data")
    folder = root / "downloads" / "msd"
    folder.mkdir(parents=True)
    shutil.move(root / "choi", folder / "choi")
    np.save(folder / "choi" / "train_y.npy", np.zeros((201_680, 50), dtype=bool))
    return root


@pytest.fixture(scope="module")
def official_lee(official: Path) -> Sequence[Track]:
    return MillionSongDataset(root=official).build_manifest()  # compares counts and digest


def words(path: Path) -> list[str]:
    return path.read_text().split()


def test_official_lee_is_derived_from_choi(official: Path, official_lee: Sequence[Track]) -> None:
    for split, name in (("train", "train"), ("valid", "validation"), ("test", "test")):
        found = [track.track_id for track in official_lee if track.split == split]
        assert found == words(official / "lee" / f"{name}.txt")
    train = [track.track_id for track in official_lee if track.split == "train"]
    assert (len(train), train[-1]) == (201_680, "TRYOGXP128F9323362")
    assert unpickle_ids(official / "lee" / "filtered_list_test.cP") == [
        track.track_id for track in official_lee if track.split == "test"
    ]


def test_official_labels_agree_between_publishers(
    official: Path, official_lee: Sequence[Track]
) -> None:
    assert words(official / "lee" / "50tagList.txt") == " ".join(MSD_LASTFM50).split()
    valid = {track.track_id: track.tags for track in official_lee if track.split == "valid"}
    table = read_table(official / "lee" / "musicnn_val_gt_msd.tsv", 50)
    assert list(table.ids) == list(valid)
    names = np.array(MSD_LASTFM50, dtype=object)
    assert [tuple(names[row]) for row in table.labels] == list(valid.values())

    test = [track for track in official_lee if track.split == "test"]
    oracle = np.load(official / "lee" / "test_labels_50_uint8.npy")
    assert [tuple(names[row == 1]) for row in oracle] == [track.tags for track in test]
    counts = Counter(tag for track in test for tag in track.tags)
    lines = (official / "lee" / "stats.csv").read_text().splitlines()[1:]
    stated = {line.split(",")[0]: int(line.split(",")[3]) for line in lines}
    assert {tag.lower(): n for tag, n in counts.items()} == {
        tag.lower(): n for tag, n in stated.items()
    }
    assert min(len(track.tags) for track in test) == 1


def test_official_choi(official: Path, official_lee: Sequence[Track]) -> None:
    folder = official / "downloads" / "msd" / "choi"
    choi: dict[str, str] = {}
    clips: dict[str, str] = {}
    for split in SPLITS:
        ids = words(folder / f"{split}_x_msd_id.txt")
        sevendigital = words(folder / f"{split}_x_7d_id.txt")
        choi |= dict.fromkeys(ids, split)
        clips |= dict(zip(ids, sevendigital, strict=True))
        files = [f"{BY_CLIP.folder(clip)}/{clip}.npy" for clip in sevendigital]
        assert words(folder / f"{split}_x_filename.txt") == files
    expected = MillionSongDataset.expected_by_variant["choi"]
    assert Counter(choi.values()) == expected.counts
    assert digest_rows([track, choi[track]] for track in sorted(choi)) == expected.digest

    lee = {track.track_id: track.split for track in official_lee}
    assert lee.keys() < choi.keys()
    moved = Counter((choi[track], split) for track, split in lee.items() if choi[track] != split)
    assert moved == {("valid", "train"): 800}
    assert {clips[track] for track in choi.keys() - lee.keys()} == SHORT_CLIPS

    # What Won et al. skip is in Lee's lists only where two tracks share a clip.
    twins = {"TRBGJIZ128F92E42BC", "TRVWNOH128E0788B78", "TREGWSL128F92C9D42", "TRJKZDA12903CFBA43"}
    assert set(words(official / "won_skip_files.txt")) & lee.keys() == twins
    shared = Counter(clips[track] for track in lee)
    assert {track for track in lee if shared[clips[track]] > 1} == twins
