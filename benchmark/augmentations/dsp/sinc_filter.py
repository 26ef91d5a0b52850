"""Short filters of zero phase, a sinc under a Hann window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ZEROS = 8  # zero crossings of the sinc on each side, as in the package julius


def low_pass(audio: NDArray[np.float32], sample_rate: int, cutoff: float) -> NDArray[np.float32]:
    """Return the audio with the frequencies above ``cutoff`` attenuated.

    The response is -6 dB at the cut-off frequency. The ends are continued with their last value.

    Args:
        audio: Mono, shape ``(samples,)``, at least one sample.
        sample_rate: In Hz.
        cutoff: In Hz; at or above half the sample rate the audio is returned unchanged.
    """
    if 2.0 * cutoff >= sample_rate:
        return audio.copy()
    return _low_pass(audio.astype(np.float64), cutoff / sample_rate).astype(np.float32)


def high_pass(audio: NDArray[np.float32], sample_rate: int, cutoff: float) -> NDArray[np.float32]:
    """Return the audio minus its `low_pass`.

    Args:
        audio: As for `low_pass`.
        sample_rate: In Hz.
        cutoff: In Hz; at or above half the sample rate the result is silence.
    """
    if 2.0 * cutoff >= sample_rate:
        return np.zeros_like(audio)
    signal = audio.astype(np.float64)
    return (signal - _low_pass(signal, cutoff / sample_rate)).astype(np.float32)


def _low_pass(signal: NDArray[np.float64], cutoff: float) -> NDArray[np.float64]:
    """Return the filtered signal; ``cutoff`` is a share of the sample rate."""
    from scipy.signal import oaconvolve

    half = int(_ZEROS / cutoff / 2.0)
    kernel = np.sinc(2.0 * cutoff * np.arange(-half, half + 1)) * np.hanning(2 * half + 1)
    kernel /= kernel.sum()
    return np.asarray(oaconvolve(np.pad(signal, half, mode="edge"), kernel, mode="valid"))
