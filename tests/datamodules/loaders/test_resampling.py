"""Loaders repeat short tracks and convert the sample rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soxr

from datamodules.loaders.windowing import train_start
from tests.support.noise_datamodule import noise_data


def test_short_tracks_are_repeated(corpora: Path) -> None:
    data = noise_data(corpora, window=20_000)
    corpus = data.corpus
    for loader in (data.train_dataloader(), data.test_dataloader()):
        for batch in loader:
            for audio, track_id in zip(batch["audio"], batch["track_ids"], strict=True):
                row = int(np.flatnonzero(corpus.track_ids == track_id)[0])
                np.testing.assert_array_equal(audio, np.resize(corpus.audio(row), 20_000))


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_loaders_convert_to_the_sample_rate_of_the_model(corpora: Path, rate: int) -> None:
    data = noise_data(corpora, window=3000, model_rate=rate)
    corpus = data.corpus
    needed = -(-3000 * 16000 // rate)
    (batch, *_) = data.train_dataloader()
    assert batch["audio"].shape == (4, 3000)
    for audio, track_id in zip(batch["audio"], batch["track_ids"], strict=True):
        row = int(np.flatnonzero(corpus.track_ids == track_id)[0])
        start = train_start(int(corpus.samples[row]), needed, 0, 0, track_id)
        if needed > corpus.samples[row]:
            assert start == 0
            continue
        stored = corpus.window(row, start, needed)
        np.testing.assert_allclose(audio, soxr.resample(stored, 16000, rate)[:3000], atol=1e-6)
    for batch in data.test_dataloader():
        for at, track_id in enumerate(batch["track_ids"]):
            row = int(np.flatnonzero(corpus.track_ids == track_id)[0])
            whole = soxr.resample(corpus.audio(row), 16000, rate)
            windows = batch["audio"][batch["track_index"] == at].numpy()
            expected = whole[-3000:] if len(whole) >= 3000 else np.resize(whole, 3000)
            np.testing.assert_allclose(windows[-1], expected, atol=1e-6)
