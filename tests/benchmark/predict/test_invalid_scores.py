"""Messages about scores that are not finite."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.predict.invalid_scores import invalid_scores
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.prepare import prepare
from datamodules.corpus.track import Track
from tests.support.audio_files import Float32
from tests.support.level_model import Level

TRACKS = ("quiet", "loud")


@dataclass(frozen=True)
class Steady:
    """Samples of one level; corpora of earlier versions hold such audio."""

    level: float
    label: str

    def sha256(self) -> str:
        return f"{self.level:064.0f}"

    def read(self, sample_rate: int) -> Float32:
        return np.full(sample_rate, self.level, dtype=np.float32)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    tracks = [
        Track(name, "test", (), Steady(level, name))
        for name, level in zip(TRACKS, (0.5, 1e29), strict=True)
    ]
    return prepare(
        tracks, tmp_path, name="x", tags=(), task="multilabel", sample_rate=16000, workers=0
    )


def test_only_what_is_known_is_said(corpus: Corpus) -> None:
    rows = [list(corpus.track_ids).index(name) for name in TRACKS]
    model = Level.build(0, n_tags=2)
    scores = np.zeros((2, 2), dtype=np.float32)
    assert invalid_scores(scores, TRACKS, rows, corpus, model) is None
    scores[0, 1] = np.nan
    message = invalid_scores(scores, TRACKS, rows, corpus, model)
    assert message == (
        "The scores contain NaN or infinity for 1 of 2 tracks, the first is 'quiet'."
    )
    scores = scores[::-1].copy()
    message = invalid_scores(scores, TRACKS, rows, corpus, model)
    assert message is not None
    assert "'loud'. Its audio has a sample of 1e+29, where full scale is 1" in message
    with torch.no_grad():
        model.gain[0] = torch.nan
    message = invalid_scores(scores, TRACKS, rows, corpus, model)
    assert message is not None
    assert "The weights contain NaN or infinity too, in 'gain'" in message
