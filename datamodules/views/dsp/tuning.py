"""Deviation of the tuning of a recording from 440 Hz."""

from __future__ import annotations

import numpy as np

from datamodules.corpus.track import Float32

_LOWEST_HZ, _HIGHEST_HZ = 150.0, 4000.0
_THRESHOLD = 0.1
"""Peaks below this fraction of the largest value of their frame are ignored."""


def estimate_tuning(spectrum: Float32, sample_rate: float) -> float:
    """Estimate the tuning from spectral peaks, as ``librosa.estimate_tuning`` does.

    Only the bins between 150 and 4,000 Hz are read, and the parabola through a peak and its
    neighbours is computed for peaks alone, which gives the same result in a fraction of the time.

    Args:
        spectrum: Magnitudes or powers of shape ``(frames, bins)``; bins from 0 Hz to half of the
            sample rate.
        sample_rate: Sample rate in Hz.

    Returns:
        The deviation in fractions of a semitone, in [-0.5, 0.5), a multiple of 0.01; 0 if the
        spectrum has no peak.
    """
    import librosa

    pitches, heights = _peaks(spectrum, sample_rate)
    if not len(pitches):
        return 0.0
    loud = pitches[heights >= np.median(heights)]
    return float(librosa.pitch_tuning(loud, resolution=0.01, bins_per_octave=12))


def _peaks(spectrum: Float32, sample_rate: float) -> tuple[Float32, Float32]:
    """Return frequency in Hz and height of each peak, in the precision that librosa uses."""
    n_fft = 2 * (spectrum.shape[1] - 1)
    hz = np.arange(spectrum.shape[1]) * (sample_rate / n_fft)
    bins = np.flatnonzero((hz >= _LOWEST_HZ) & (hz < min(_HIGHEST_HZ, sample_rate / 2)))
    first, last = max(1, bins[0]), min(spectrum.shape[1] - 2, bins[-1])
    block = spectrum[:, first - 1 : last + 2]
    middle = block[:, 1:-1]
    floor = np.float32(_THRESHOLD) * spectrum.max(axis=1, keepdims=True)
    is_peak = (middle > block[:, :-2]) & (middle >= block[:, 2:]) & (middle > floor)
    frame, column = np.nonzero(is_peak)
    below, peak, above = (block[frame, column + offset] for offset in range(3))
    curvature = (above + below) - 2.0 * peak.astype(np.float64)
    slope = (above - below).astype(np.float64) / 2
    inside = np.abs(slope) < np.abs(curvature)
    shift = np.zeros(len(peak), np.float32)
    shift[inside] = -slope[inside] / curvature[inside]
    pitches = (column + first + shift) * sample_rate / n_fft
    heights = peak + np.float32(0.5) * ((above - below) / np.float32(2)) * shift
    return pitches.astype(np.float32), heights
