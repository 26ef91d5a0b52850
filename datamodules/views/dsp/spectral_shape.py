"""Features of the shape of a magnitude spectrum: one to seven values a frame."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from datamodules.corpus.track import Float32

Float64 = npt.NDArray[np.float64]

CONTRAST_BANDS = 6
"""Number of octave bands above 200 Hz; the band below them comes first."""

LOWEST_RATE = 12801
"""Lowest sample rate in Hz at which each band of `spectral_contrast` has bins."""

_CONTRAST_LOWEST_HZ = 200.0
_QUANTILE = 0.02
_ROLLOFF = 0.85


def centroid_and_bandwidth(magnitudes: Float32, sample_rate: int) -> tuple[Float64, Float64]:
    """Return the mean and the standard deviation of the spectrum over frequency.

    Args:
        magnitudes: Magnitude spectrum of shape ``(frames, bins)``.
        sample_rate: Rate in Hz that gives the bins their frequencies.

    Returns:
        Both of shape ``(1, frames)``, in Hz; 0 in silent frames.
    """
    bins = np.arange(magnitudes.shape[1], dtype=np.float64)
    sums = magnitudes.astype(np.float64) @ np.stack([np.ones_like(bins), bins, bins**2], axis=1)
    total = sums[:, 0]
    total[total < np.finfo(np.float32).tiny] = 1
    mean, square = sums[:, 1] / total, sums[:, 2] / total
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    hz = sample_rate / (2 * (len(bins) - 1))
    return mean[None] * hz, deviation[None] * hz


def rolloff(magnitudes: Float32, sample_rate: int) -> Float64:
    """Return the frequency in Hz below which 85 % of the magnitudes lie, shape ``(1, frames)``."""
    cumulative = np.cumsum(magnitudes, axis=1)
    threshold = np.float32(_ROLLOFF) * cumulative[:, -1:]
    bins = np.count_nonzero(cumulative < threshold, axis=1)
    return bins[None] * (sample_rate / (2 * (magnitudes.shape[1] - 1)))


def root_mean_square(magnitudes: Float32) -> Float64:
    """Return the root of the mean squared magnitude of a frame, shape ``(1, frames)``."""
    power = np.einsum("tf,tf->t", magnitudes, magnitudes, dtype=np.float64)
    return np.sqrt(power / magnitudes.shape[1])[None]


def spectral_contrast(magnitudes: Float32, sample_rate: int) -> Float64:
    """Return the difference of peaks and valleys in octave bands (Jiang et al. 2002).

    Args:
        magnitudes: Magnitude spectrum of shape ``(frames, bins)``.
        sample_rate: Rate in Hz that gives the bins their frequencies, above 12,800.

    Returns:
        Contrast in dB of shape ``(7, frames)``. A peak is the mean of the largest 2 % of the
        magnitudes of a band, a valley that of the smallest 2 %, at least one each.
    """
    import librosa

    peaks = np.empty((CONTRAST_BANDS + 1, len(magnitudes)))
    valleys = np.empty_like(peaks)
    for band, (bins, count) in enumerate(_bands(magnitudes.shape[1], sample_rate)):
        ordered = np.sort(magnitudes[:, bins], axis=1)
        valleys[band] = ordered[:, :count].mean(axis=1)
        peaks[band] = ordered[:, -count:].mean(axis=1)
    contrast: Float64 = librosa.power_to_db(peaks) - librosa.power_to_db(valleys)
    return contrast


def _bands(bins: int, sample_rate: int) -> Iterator[tuple[slice, int]]:
    """Yield the bins of each band, and how many make up its peak and its valley.

    A band begins one bin below its lowest frequency, and its last bin is left to the next band;
    the last band reaches to the end. The number of magnitudes is counted with that last bin.
    """
    hz = np.fft.rfftfreq(2 * (bins - 1), 1 / sample_rate)
    edges = np.concatenate([[0], _CONTRAST_LOWEST_HZ * 2.0 ** np.arange(CONTRAST_BANDS + 1)])
    for band, (low, high) in enumerate(pairwise(edges)):
        inside = np.flatnonzero((hz >= low) & (hz <= high))
        first = int(inside[0]) - (band > 0)
        is_last = band == CONTRAST_BANDS
        stop = bins if is_last else int(inside[-1]) + 1
        count = max(1, int(np.rint(_QUANTILE * (stop - first))))
        yield slice(first, stop if is_last else stop - 1), count
