"""Views in the evaluation: computed once for each condition, from the audio of every model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soxr

from benchmark.perturbations import perturb, resolve
from benchmark.predict.audio_stream import StreamConfig, TrackPerturber, TrackRequest
from datamodules.corpus.corpus import Corpus
from datamodules.views.waveform import Waveform
from tests.support.sources import run, watched
from tests.support.views import BlockLevels


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return run(watched(4), tmp_path_factory.mktemp("corpus"))


def test_features_and_samples_come_from_the_same_perturbed_audio(corpus: Corpus, tmp_path: Path):
    log = tmp_path / "log"
    view = BlockLevels(sample_rate=16000, log=str(log))
    slow = BlockLevels(sample_rate=8000)
    views = (Waveform(16000), Waveform(8000), view, slow)
    perturber = TrackPerturber(StreamConfig(corpus.root, views, measured=False))
    (condition,) = resolve(["white_noise"], [3])
    request = TrackRequest(2, "t0002", condition, seed=5)
    inputs = perturber.process(request).inputs
    heard = perturb(corpus.audio(2), 16000, condition, seed=5, track_id="t0002")
    np.testing.assert_array_equal(inputs[Waveform(16000)], heard)
    np.testing.assert_array_equal(inputs[Waveform(8000)], soxr.resample(heard, 16000, 8000))
    ((samples, level),) = [line.split() for line in log.read_text().splitlines()]
    assert (int(samples), float(level)) == (len(heard), np.abs(heard).sum(dtype=np.float64))
    np.testing.assert_array_equal(inputs[slow], slow.compute(inputs[Waveform(8000)]))


def test_a_view_that_fails_is_an_error_of_its_models_only(corpus: Corpus):
    views = (Waveform(16000), BlockLevels(sample_rate=16000, refused=1.0))
    perturber = TrackPerturber(StreamConfig(corpus.root, views))
    (condition,) = resolve(["clean"], [])
    inputs = perturber.process(TrackRequest(0, "t0000", condition, 0)).inputs
    np.testing.assert_array_equal(inputs[views[0]], corpus.audio(0))
    assert isinstance(inputs[views[1]], Exception)
    assert "on purpose" in str(inputs[views[1]])
