"""Levels and envelopes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from benchmark.kernels import compiled

_FLOOR = 1e-10  # -200 dB, so that the logarithm is finite


def decibels(level: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return linear levels in dB re full scale."""
    return np.asarray(20.0 * np.log10(np.maximum(level, _FLOOR)))


@compiled
def _release(peaks: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    level = np.empty(peaks.shape[0], np.float64)
    value = peaks[0]
    for i in range(peaks.shape[0]):
        value = max(peaks[i], value + (peaks[i] - value) * step)
        level[i] = value
    return level


def peak_envelope(audio: NDArray[np.float64], *, ahead: int, release: float) -> NDArray[np.float64]:
    """Return a smooth envelope that no sample exceeds and that equals the highest one.

    The peak of the next ``ahead`` samples is held, released exponentially, and averaged over the
    last ``ahead`` samples, so that it reaches each peak in time.

    Args:
        audio: Shape ``(samples,)``, not empty.
        ahead: Look-ahead, which is also the rise time, in samples.
        release: Time constant of the decay, in samples.
    """
    window = ahead + 1
    # mode="nearest" extends the held peak to before the start of the track.
    held = maximum_filter1d(np.abs(audio), window, origin=-(window // 2), mode="nearest")
    level = _release(held, one_pole(release))
    return np.asarray(uniform_filter1d(level, window, origin=ahead // 2, mode="nearest"))


def one_pole(samples: float) -> float:
    """Return the step of a one-pole average with a time constant of ``samples``."""
    return 1.0 - math.exp(-1.0 / samples) if samples > 1.0 else 1.0
