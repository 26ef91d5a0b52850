"""The random split of MagnaTagATune: the official annotations, and batches of a small publisher."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest

from datamodules.corpus.completeness import Expected
from datamodules.datasets.magnatagatune import MagnaTagATune
from datamodules.datasets.magnatagatune_random import MagnaTagATuneRandom
from tests.support.publishers import mtat, relocated
from tests.support.server import Server

PUBLISHER = mtat


def test_nine_tenths_of_the_clips_are_for_training(shared_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "downloads" / "mtat"
    folder.mkdir(parents=True)
    for name in ("annotations_final.csv", "clip_info_final.csv"):
        content = gzip.decompress((shared_data / "mtat" / f"{name}.gz").read_bytes())
        (folder / name).write_bytes(content)
    module = MagnaTagATuneRandom(root=tmp_path)
    tracks = module.build_manifest()  # compares counts and digest with the constants
    assert Counter(track.split for track in tracks) == {"train": 14827, "test": 1648}
    assert all(track.tags for track in tracks)
    positive = sum(len(track.tags) for track in tracks) / (10 * len(tracks))
    assert positive == pytest.approx(0.1833, abs=5e-5)
    by_folder = MagnaTagATune(root=tmp_path, tag_set="top10")
    assert {t.track_id for t in by_folder.list_tracks()} == {t.track_id for t in tracks}
    assert by_folder.corpus_root != module.corpus_root


def test_validation_reads_the_test_clips(server: Server, published: Path, tmp_path: Path) -> None:
    expected = {"top50/tagged/random": Expected(50, 24, 0, 3)}
    cls = relocated(MagnaTagATuneRandom, server.url(""), published, expected_by_variant=expected)
    module = cls(root=tmp_path, batch_size=4, window=16000, workers=1, tag_set="top50")
    module.prepare_data()
    loaders = module.train_dataloader(), module.val_dataloader(), module.test_dataloader()
    train, valid, test = ({i for batch in each for i in batch["track_ids"]} for each in loaders)
    assert valid == test == {str(i) for i in module.corpus.split("test")["track_id"]}
    assert len(train) == 24
    assert not train & test
