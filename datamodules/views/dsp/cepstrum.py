"""Mel-frequency cepstral coefficients."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft

from datamodules.corpus.track import Float32

BANDS = 128


def mfcc(power: Float32, sample_rate: int, coefficients: int, bands: int = BANDS) -> Float32:
    """Return mel-frequency cepstral coefficients of a power spectrum.

    Args:
        power: Power spectrum of shape ``(frames, bins)``.
        sample_rate: Sample rate in Hz.
        coefficients: Number of coefficients.
        bands: Number of mel bands.

    Returns:
        float32 of shape ``(coefficients, frames)``: the orthonormal cosine transform of mel bands
        in dB, which are limited to 80 dB below the largest.
    """
    import librosa

    levels = power @ _mel_filters(sample_rate, 2 * (power.shape[1] - 1), bands).T
    decibels = librosa.power_to_db(levels)
    cepstrum: Float32 = scipy.fft.dct(decibels, axis=1, type=2, norm="ortho")[:, :coefficients]
    return cepstrum.T


@lru_cache(maxsize=8)
def _mel_filters(sample_rate: int, n_fft: int, bands: int) -> Float32:
    from librosa.filters import mel

    filters: Float32 = mel(sr=sample_rate, n_fft=n_fft, n_mels=bands)
    return np.ascontiguousarray(filters)
