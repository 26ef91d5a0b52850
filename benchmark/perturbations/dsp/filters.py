"""Filters of zero phase."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TRANSITION_HZ = 40.0
_STOP_DB = 70.0


def low_pass(audio: NDArray[np.float32], sample_rate: int, cutoff: float) -> NDArray[np.float32]:
    """Return the track without frequencies above ``cutoff``.

    A sinc with a Kaiser window: -6 dB at the cut-off and -70 dB from 20 Hz above it; the
    shifting engine's own band edge measures -5 dB and, 20 Hz above it, -35 to -60 dB.

    Args:
        audio: Mono, shape ``(samples,)``.
        sample_rate: Sample rate in Hz.
        cutoff: In Hz; at or above half the sample rate the track is returned unchanged.
    """
    from scipy.signal import oaconvolve

    if audio.size == 0 or 2.0 * cutoff >= sample_rate:
        return audio.copy()
    # Kaiser's formulas, in Oppenheim & Schafer, Discrete-Time Signal Processing, section 7.5.3.
    half = round((_STOP_DB - 7.95) * sample_rate / (2.285 * 4.0 * np.pi * _TRANSITION_HZ))
    place = np.arange(-half, half + 1)
    kernel = np.sinc(2.0 * cutoff / sample_rate * place)
    kernel *= np.kaiser(place.size, 0.1102 * (_STOP_DB - 8.7))
    kernel /= kernel.sum()
    filtered = oaconvolve(audio.astype(np.float64), kernel)[half : half + audio.size]
    return np.asarray(filtered, dtype=np.float32)
