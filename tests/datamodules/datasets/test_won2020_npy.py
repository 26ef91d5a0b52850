"""Arrays and split files of the reference implementation of Won et al. (2020)."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from datamodules.audio.npy_waveform import NpySource
from datamodules.audio.sources import FileSource
from datamodules.common.errors import TagbenchError
from datamodules.corpus.completeness import Expected, check_complete
from datamodules.corpus.track import Track
from datamodules.datasets.magnatagatune import MagnaTagATune
from datamodules.datasets.won2020_npy import ReferenceTree
from datamodules.download.remote_file import RemoteFile
from datamodules.labels.vocabularies import MTAT_TOP50
from tests.support import won2020_trees
from tests.support.music import tone
from tests.support.publishers import mtat as publisher

COUNTS = Expected(50, 4, 2, 2)


class SmallTree(ReferenceTree):
    """The leaf, proved by the counts of the trees that are written here."""

    expected_by_variant: ClassVar = {"mtat": COUNTS, "msd": COUNTS, "jamendo": COUNTS}


@pytest.mark.parametrize("layout", ["mtat", "msd", "jamendo"])
def test_a_reference_tree_becomes_a_corpus(tmp_path: Path, layout: Any) -> None:
    won2020_trees.WRITERS[layout](tmp_path / "won")
    data = SmallTree(
        layout=layout, data=str(tmp_path / "won" / "data"), root=tmp_path / "root", workers=1
    )
    data.prepare_data()
    corpus = data.corpus
    assert corpus.tags == won2020_trees.VOCABULARY[layout]
    assert corpus.info["splits"] == {"train": 4, "valid": 2, "test": 2}
    assert corpus.info["rejected"] == 0
    for split, first in (("train", 0), ("valid", 4), ("test", 6)):
        for row, targets in enumerate(corpus.targets(split)):
            assert np.flatnonzero(targets).tolist() == won2020_trees.positives(first + row)
            audio = corpus.audio(int(corpus.split(split).index[row]))
            assert np.allclose(audio, tone(first + row, 0.5), atol=1e-4)


def test_clips_may_lie_in_the_publishers_folders(tmp_path: Path) -> None:
    def tracks(root: Path, data: str) -> list[Track]:
        place = str(root / data)
        splits = str(root / "split")
        tree = SmallTree(layout="mtat", data=place, splits=splits, root=tmp_path / "root")
        return list(tree.build_manifest())

    flat = tracks(won2020_trees.mtat(tmp_path / "flat"), "data")
    nested = tracks(won2020_trees.mtat(tmp_path / "nested", flat=False), "data/mtat/npy")
    assert [t.source.label for t in flat] == [t.source.label for t in nested]
    assert all(t.source.sha256() == u.source.sha256() for t, u in zip(flat, nested, strict=True))
    assert flat[0].track_id == "a/artist_0-an_album-00-a_title-0-29.mp3"
    assert (flat[0].artist, flat[0].song) == ("artist_0", "artist_0-an_album#00")


def test_missing_arrays_are_counted_before_decoding(tmp_path: Path) -> None:
    won2020_trees.jamendo(tmp_path / "won")
    (tmp_path / "won/data/mtg-jamendo/npy/06/1006.npy").unlink()
    options: dict[str, Any] = {
        "layout": "jamendo", "data": str(tmp_path / "won/data"), "root": tmp_path, "workers": 1
    }  # fmt: skip
    with pytest.raises(TagbenchError, match="1 of 2 test tracks"):
        SmallTree(**options).prepare_data()
    data = SmallTree(**options, partial=True)
    data.prepare_data()
    assert data.corpus.info["splits"] == {"train": 4, "valid": 2, "test": 1}


def test_wrong_split_files_are_explained(tmp_path: Path) -> None:
    root = won2020_trees.mtat(tmp_path / "won")
    split = root / "split" / "mtat"

    def fails(reason: str) -> None:
        with pytest.raises(TagbenchError, match=reason):
            SmallTree(layout="mtat", data=str(root / "data"), root=tmp_path).build_manifest()

    np.save(split / "test.npy", np.array(["99\tf/a-b-01-c-0-29.mp3"]))
    fails("test.npy, entry 0: expected a row of binary.npy below 20")
    np.save(split / "test.npy", np.array(["0\tf/a-b-01-c-0-29.mp3"]))
    fails("test: expected 2 tracks, found 1")
    np.save(split / "binary.npy", np.array([["x"]], dtype=object), allow_pickle=True)
    fails("binary.npy: .* pickled Python objects")
    (split / "binary.npy").unlink()
    fails("No split files of mtat in .*expected train.npy")
    with pytest.raises(TagbenchError, match="Did you mean 'mtat'"):
        SmallTree(layout="mtt", data=str(root), root=tmp_path)  # type: ignore[arg-type]


def test_the_rule_gives_the_lists_of_magnatagatune(tmp_path: Path, shared_data: Path) -> None:
    """Split files made by rule from the publisher's table have the digest that is proved."""
    split = tmp_path / "split" / "mtat"
    split.mkdir(parents=True)
    rows: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    labels = []
    table = shared_data / "mtat" / "annotations_final.csv.gz"
    with gzip.open(table, "rt", encoding="ascii", newline="") as lines:
        for index, row in enumerate(csv.DictReader(lines, delimiter="\t")):
            labels.append([row[tag] == "1" for tag in MTAT_TOP50])
            if any(labels[-1]) and row["clip_id"] not in MagnaTagATune.errata:
                part = {"c": "valid", "d": "test", "e": "test", "f": "test"}
                rows[part.get(row["mp3_path"][0], "train")].append(f"{index}\t{row['mp3_path']}")
    np.save(split / "binary.npy", np.array(labels, dtype=np.int64))
    for name, texts in rows.items():
        np.save(split / f"{name}.npy", np.array(texts))
    tree = ReferenceTree(layout="mtat", data=str(tmp_path), root=tmp_path)
    tracks = tree.list_tracks()
    check_complete(tracks, tree.expected, "mtat")
    assert len({track.artist for track in tracks}) <= 230


def test_arrays_stand_for_a_publishers_files(tmp_path: Path) -> None:
    files = publisher.publish(tmp_path / "files", clips=4, seconds=0.5)

    class Local(MagnaTagATune):
        def file(self, remote: RemoteFile) -> Path:
            return files / remote.name

    def listed() -> list[Track]:
        return list(Local(audio_dir=str(tmp_path / "audio"), root=tmp_path).list_tracks())

    (tmp_path / "audio").mkdir()
    first, second, *_ = listed()
    assert isinstance(first.source, FileSource)
    assert not first.stamp
    array = tmp_path / "audio" / Path(second.source.label).with_suffix(".npy")
    array.parent.mkdir(parents=True)
    np.save(array, tone(1, 0.5))
    again = listed()[1]
    assert isinstance(again.source, NpySource)
    assert again.stamp
    assert np.array_equal(again.source.read(16000), tone(1, 0.5))
