"""Batches of whole tracks for validation and test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datamodules.corpus.stored_audio import StoredAudio
from datamodules.loaders.windowing import Windowing, cut, window_starts
from tests.support.noise_datamodule import noise_data
from tests.support.sources import TAGS


@pytest.mark.parametrize("split", ["valid", "test"])
@pytest.mark.parametrize("batch_size", [1, 3, 50])
def test_evaluation_batches_hold_whole_tracks(corpora: Path, split: str, batch_size: int) -> None:
    data = noise_data(corpora, batch_size=batch_size, window=1000)
    corpus = data.corpus
    loader = data.val_dataloader() if split == "valid" else data.test_dataloader()
    seen: list[str] = []
    for batch in loader:
        assert batch["track_index"].tolist() == sorted(batch["track_index"].tolist())
        for at, track_id in enumerate(batch["track_ids"]):
            row = int(np.flatnonzero(corpus.track_ids == track_id)[0])
            windows = batch["audio"][batch["track_index"] == at].numpy()
            audio = corpus.audio(row)
            full = len(audio) // 1000
            np.testing.assert_array_equal(windows[:full].ravel(), audio[: full * 1000])
            np.testing.assert_array_equal(windows[-1], audio[-1000:])
            assert batch["targets"][at].tolist() == [
                float(tag in corpus.frame["tags"][row]) for tag in TAGS
            ]
        seen += batch["track_ids"]
    assert seen == list(corpus.split(split)["track_id"])


def test_validation_may_use_fewer_windows(corpora: Path) -> None:
    data = noise_data(corpora, window=500, valid_windows=2, windowing=Windowing("won2020"))
    for loader, windows in ((data.val_dataloader(), 2), (data.test_dataloader(), 16)):
        for batch in loader:
            assert torch.bincount(batch["track_index"]).tolist() == [windows] * len(
                batch["track_ids"]
            )


def test_validation_reads_only_its_windows(corpora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = noise_data(corpora, window=500, valid_windows=2)
    lengths: list[int] = []
    read = StoredAudio.raw

    def counted(self: StoredAudio, row: int, start: int, length: int) -> Any:
        lengths.append(length)
        return read(self, row, start, length)

    monkeypatch.setattr(StoredAudio, "raw", counted)
    loader = data.val_dataloader()
    loaded = np.concatenate([batch["audio"].numpy() for batch in loader])
    assert lengths == [500] * len(loaded) == [500] * 12
    starts = Windowing(max_windows=2)
    expected = [
        cut(data.corpus.audio(int(row)), window_starts(int(n), 500, starts), 500)
        for row in data.corpus.rows("valid")
        for n in [data.corpus.samples[row]]
    ]
    np.testing.assert_array_equal(loaded, np.concatenate(expected))
