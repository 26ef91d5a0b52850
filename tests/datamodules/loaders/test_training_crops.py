"""Batches of random training windows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from datamodules.loaders.windowing import train_start
from tests.support.noise_datamodule import WINDOW, noise_data, set_epoch
from tests.support.sources import TAGS


def test_training_batches_hold_the_windows_and_targets_of_their_tracks(corpora: Path) -> None:
    data = noise_data(corpora)
    corpus = data.corpus
    rows = {track_id: row for row, track_id in enumerate(corpus.track_ids)}
    batches = list(data.train_dataloader())
    assert [len(batch["track_ids"]) for batch in batches] == [4, 4, 4]
    seen = [track_id for batch in batches for track_id in batch["track_ids"]]
    assert sorted(seen) == sorted(corpus.split("train")["track_id"])
    for batch in batches:
        assert set(batch) == {"audio", "targets", "track_ids", "track_index"}
        assert batch["audio"].dtype == batch["targets"].dtype == torch.float32
        assert batch["audio"].shape == (4, WINDOW)
        assert batch["track_index"].tolist() == [0, 1, 2, 3]
        for audio, target, track_id in zip(
            batch["audio"], batch["targets"], batch["track_ids"], strict=True
        ):
            row = rows[track_id]
            start = train_start(int(corpus.samples[row]), WINDOW, 0, 0, track_id)
            np.testing.assert_array_equal(audio, corpus.window(row, start, WINDOW))
            assert [t for t, on in zip(TAGS, target, strict=True) if on] == list(
                corpus.frame["tags"][row]
            )


def test_epochs_and_seeds_differ_in_order_and_windows(corpora: Path) -> None:
    def draw(epoch: int, **options: Any) -> dict[str, bytes]:
        data = noise_data(corpora, batch_size=12, **options)
        set_epoch(data, epoch)
        (batch,) = data.train_dataloader()
        audio = [row.numpy().tobytes() for row in batch["audio"]]
        return dict(zip(batch["track_ids"], audio, strict=True))

    draws = [draw(0), draw(1), draw(0, seed=1)]
    assert list(draw(0).items()) == list(draws[0].items())
    assert len({tuple(epoch) for epoch in draws}) == 3
    for track_id in draws[0]:
        assert len({epoch[track_id] for epoch in draws}) == 3


def test_the_last_batch_is_dropped_only_if_there_is_another(corpora: Path) -> None:
    for batch_size, expected in ((5, [5, 5]), (99, [12])):
        loader = noise_data(corpora, batch_size=batch_size).train_dataloader()
        assert [len(batch["track_ids"]) for batch in loader] == expected
