"""The view `LogMel`: the input of MATT, short tracks and silence."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from datamodules.views.log_mel import LogMel
from tests.support.formula import signal


def test_the_input_of_matt_is_29_seconds_padded_with_zeros() -> None:
    audio = signal(60_000, 12_000)
    view = LogMel()
    levels = view.compute(audio)
    padded = np.concatenate([audio, np.zeros(348_000 - len(audio), np.float32)])
    power = librosa.feature.melspectrogram(y=padded, sr=12_000, hop_length=256, n_mels=96)
    assert levels.shape == (1360, 96) == (view.rows(5.0), view.width)
    np.testing.assert_allclose(levels, librosa.power_to_db(power).T, atol=1e-4)
    assert levels.max() - levels.min() == pytest.approx(80, abs=1e-4)  # dB, of the whole track


@pytest.mark.parametrize("audio", [np.zeros(1, np.float32), np.zeros(5000, np.float32)])
def test_silence_and_short_tracks_are_finite(audio: np.ndarray) -> None:
    view = LogMel(seconds=None)
    levels = view.compute(audio)
    assert levels.shape[1] == 96
    assert np.isfinite(levels).all()
