"""Spectra, variances and timbre of clips, against librosa, SciPy and NumPy."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from scipy.signal import welch

from benchmark.report.dataset import audio_features
from datamodules.common.progress import Silent
from datamodules.common.seeding import rng_for
from tests.support.music import RATE, tone


def test_filters_are_those_of_librosa():
    expected = librosa.filters.mel(sr=16000, n_fft=1024, n_mels=64, htk=True, norm=None)
    np.testing.assert_allclose(audio_features.mel_triangles(16000, 1024), expected, atol=1e-6)


def test_spectrum_is_welchs_and_variance_is_numpys():
    audio = (0.1 * rng_for("noise").standard_normal(50_000)).astype(np.float32) + np.float32(0.3)
    variance, spectrum, mel = audio_features.measure(audio, 16000)
    assert variance == pytest.approx(0.01, rel=0.05)  # a constant offset is no energy
    size = audio_features.frame_length(16000)
    _, power = welch(audio, 16000, nperseg=size, detrend=False, return_onesided=False)
    expected = 10 * np.log10(power[: size // 2] * 16000)
    np.testing.assert_allclose(spectrum[:-1], expected, atol=1e-3)
    assert mel.shape == (2 * audio_features.BANDS,)
    assert (mel[audio_features.BANDS :] > 0).all()


@pytest.mark.parametrize("samples", [1, 100, 1024, 5000])
def test_short_and_silent_clips_are_measured(samples):
    variance, spectrum, mel = audio_features.measure(np.zeros(samples, np.float32), 16000)
    assert variance == 0
    assert (spectrum == -100).all()
    assert (mel[: audio_features.BANDS] == -100).all()
    assert (mel[audio_features.BANDS :] == 0).all()


def test_the_block_size_does_not_matter(monkeypatch):
    audio = tone(3, 5.0)
    whole = audio_features.measure(audio, RATE)
    monkeypatch.setattr(audio_features, "_BLOCK", 7)
    blocks = audio_features.measure(audio, RATE)
    for expected, value in zip(whole, blocks, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-9)


def test_timbre_does_not_depend_on_loudness():
    audio = tone(3, 2.0)
    loud, soft = (audio_features.measure(audio * gain, RATE)[2][None] for gain in (1.0, 0.5))
    assert abs(loud - soft).max() > 5
    above = loud[0, : audio_features.BANDS] > -85  # bands above the floor
    change = audio_features.timbre(loud) - audio_features.timbre(soft)
    assert above.sum() > 40
    assert np.ptp(change[0, : audio_features.BANDS][above]) < 0.5


def test_a_larger_sample_holds_the_smaller(corpus):
    small, large = (audio_features.sample_rows(corpus, count).tolist() for count in (8, 20))
    assert large[:8] == small
    assert sorted(audio_features.sample_rows(corpus, 999)) == list(range(30))
    assert small != sorted(small)


def test_progress_counts_every_clip(corpus):
    class Counted(Silent):
        done = 0

        def advance(self, count: int = 1) -> None:
            self.done += count

    progress = Counted()
    audio_features.measure_all(corpus, [0, 3, 5], 1, progress)
    assert progress.done == 3
