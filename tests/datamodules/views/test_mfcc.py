"""The view `Mfcc` against librosa, and a track of a single sample."""

from __future__ import annotations

import librosa
import numpy as np

from datamodules.views.mfcc import Mfcc
from tests.support.formula import signal


def test_coefficients_are_those_of_librosa() -> None:
    audio = signal(30_000, 22_050)
    for coefficients, bands in ((13, 40), (25, 128)):
        view = Mfcc(coefficients=coefficients, bands=bands)
        expected = librosa.feature.mfcc(
            y=audio, sr=22_050, n_mfcc=coefficients, n_mels=bands, n_fft=2048, hop_length=1024
        )
        np.testing.assert_allclose(view.compute(audio), expected.T, atol=2e-3)
    assert np.isfinite(view.compute(np.zeros(1, np.float32))).all()
