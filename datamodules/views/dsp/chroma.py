"""Chroma features and the tonal centroid."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.ndimage

from datamodules.corpus.track import Float32
from datamodules.views.dsp.spectrum import hann

CHROMA = 12
_STEPS = (0.4, 0.2, 0.1, 0.05)
_SMOOTHING = 41


def stft_chroma(power: Float32, sample_rate: int, tuning: float) -> Float32:
    """Return chroma of a power spectrum, scaled to a maximum of 1 in each frame.

    Args:
        power: Power spectrum of shape ``(frames, bins)``.
        sample_rate: Rate in Hz that gives the bins their frequencies.
        tuning: Deviation from 440 Hz in fractions of a semitone.

    Returns:
        float32 of shape ``(12, frames)``.
    """
    filters = _chroma_filters(sample_rate, 2 * (power.shape[1] - 1), tuning)
    return normalized(filters @ power.T, np.inf)


def fold(constant_q: Float32, bins_per_octave: int) -> Float32:
    """Sum the bins of a constant-Q transform (frames, bins) to chroma (12, frames)."""
    return _folding(constant_q.shape[1], bins_per_octave) @ constant_q.T


def cens(folded: Float32) -> Float32:
    """Return chroma energy normalised statistics (Müller and Ewert 2011) of `fold`.

    Args:
        folded: Chroma of shape ``(12, frames)``.

    Returns:
        The shares of the pitch classes, quantised in four steps, smoothed by a Hann window of 41
        frames, scaled to Euclidean norm 1 in each frame.
    """
    shares = normalized(folded, 1)
    quantised = np.zeros_like(shares)
    for step in _STEPS:
        quantised += np.float32(1 / len(_STEPS)) * (shares > step)
    window = hann(_SMOOTHING + 2)
    smooth = scipy.ndimage.convolve1d(quantised, window / window.sum(), axis=1, mode="constant")
    return normalized(smooth, 2)


def tonnetz(chroma: Float32) -> Float32:
    """Return the tonal centroids (Harte, Sandler and Gasser 2006) of chroma.

    Args:
        chroma: Chroma of shape ``(12, frames)``.

    Returns:
        float32 of shape ``(6, frames)``: fifths, minor thirds, major thirds, two axes each.
    """
    pitch_class = np.arange(CHROMA)
    angles = np.pi * np.outer([7 / 6, 7 / 6, 3 / 2, 3 / 2, 2 / 3, 2 / 3], pitch_class)
    angles[::2] -= np.pi / 2
    basis = np.array([1, 1, 1, 1, 0.5, 0.5])[:, None] * np.cos(angles)
    return (basis @ normalized(chroma, 1)).astype(np.float32)


def normalized(values: Float32, norm: float) -> Float32:
    """Scale each column to norm 1; a column whose norm is 0 stays 0.

    Args:
        values: Values of shape ``(rows, columns)``.
        norm: 1, 2 or infinity.
    """
    length = np.linalg.norm(values.astype(np.float64), ord=norm, axis=0)
    length[length < np.finfo(np.float32).tiny] = 1
    return (values / length).astype(np.float32)


@lru_cache(maxsize=256)
def _chroma_filters(sample_rate: int, n_fft: int, tuning: float) -> Float32:
    from librosa.filters import chroma

    filters: Float32 = chroma(sr=sample_rate, n_fft=n_fft, tuning=tuning)
    return filters


@lru_cache(maxsize=8)
def _folding(bins: int, bins_per_octave: int) -> npt.NDArray[np.float32]:
    from librosa.filters import cq_to_chroma

    matrix: Float32 = cq_to_chroma(bins, bins_per_octave=bins_per_octave, n_chroma=CHROMA)
    return matrix
