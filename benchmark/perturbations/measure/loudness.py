"""Integrated loudness by ITU-R BS.1770-4, mono, at any sample rate."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]

_OFFSET = -0.691  # makes a 997 Hz sine at full scale -3.01 LUFS
_ABSOLUTE_GATE = -70.0
_RELATIVE_GATE = -10.0


def integrated_loudness(signal: Signal, sample_rate: int) -> float:
    """Return the gated loudness of a mono signal in LUFS; NaN where every block is below the gate.

    Args:
        signal: Shape ``(samples,)``; shorter than a block of 400 ms counts as one block.
        sample_rate: Sample rate in Hz.
    """
    if signal.size == 0:
        return math.nan
    weighted = k_weighted(signal, sample_rate)
    block = min(round(0.4 * sample_rate), signal.size)
    hop = max(1, round(0.1 * sample_rate))
    total = np.concatenate([[0.0], np.cumsum(weighted * weighted)])
    starts = np.arange(0, signal.size - block + 1, hop)
    power = (total[starts + block] - total[starts]) / block
    power = power[power > _power(_ABSOLUTE_GATE)]
    if power.size == 0:
        return math.nan
    power = power[power > power.mean() * 10.0 ** (_RELATIVE_GATE / 10.0)]
    return _OFFSET + 10.0 * math.log10(float(power.mean()))


def _power(lufs: float) -> float:
    return float(10.0 ** ((lufs - _OFFSET) / 10.0))


def k_weighted(signal: Signal, sample_rate: int) -> Signal:
    """Return the signal after the two filters of the standard.

    The standard tabulates them for 48 kHz; for other rates they are derived from the analogue shelf
    and high-pass filters that give that table.
    """
    from scipy.signal import sosfilt

    return np.asarray(sosfilt([_shelf(sample_rate), _high_pass(sample_rate)], signal))


def _shelf(sample_rate: int) -> list[float]:
    k = math.tan(math.pi * 1681.974450955533 / sample_rate)
    q = 0.7071752369554196
    high = 10.0 ** (3.999843853973347 / 20.0)
    band = high**0.4996667741545416
    a0 = 1.0 + k / q + k * k
    return [
        (high + band * k / q + k * k) / a0,
        2.0 * (k * k - high) / a0,
        (high - band * k / q + k * k) / a0,
        1.0,
        2.0 * (k * k - 1.0) / a0,
        (1.0 - k / q + k * k) / a0,
    ]


def _high_pass(sample_rate: int) -> list[float]:
    k = math.tan(math.pi * 38.13547087602444 / sample_rate)
    q = 0.5003270373238773
    a0 = 1.0 + k / q + k * k
    return [1.0, -2.0, 1.0, 1.0, 2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0]
