"""Freeverb, the reverberator of Jezar at Dreampoint (2000), as ``sox reverb`` sets it.

Schroeder's structure (Natural sounding artificial reverberation, JAES 1962): eight parallel comb
filters, whose feedback passes through a low-pass filter, and then four all-pass filters, once for
each of two channels with slightly different delays. The output of the program for mono audio is
the dry signal plus the mean of the two channels. Tests compare it with stored output of sox, which
it matches to the precision of single floats; sox also clips at full scale, which is left out here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.kernels import compiled

Signal = NDArray[np.float64]

_DELAY_RATE = 44100.0  # Hz, at which the delays below are stated, in samples
_COMB_DELAYS = (1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617)
_ALL_PASS_DELAYS = (225, 341, 441, 556)
_SPREAD = 12  # samples by which the delays of the second channel alternately differ
_WET_GAIN = 0.015
_ALL_PASS_FEEDBACK = 0.5


@dataclass(frozen=True)
class Room:
    """Parameters of ``sox reverb``, each from 0 to 100 percent.

    Attributes:
        reverberance: Sets the feedback of the comb filters, from 0.3 to 0.98.
        damping: Sets the low-pass filter in the feedback, ``y[n] = (1 - d) x[n] + d y[n - 1]``:
            d from 0.2 to 0.5, so that high frequencies decay faster.
        room: Scales the delays of the comb filters, from 0.1 to 1.
    """

    reverberance: float = 50.0
    damping: float = 50.0
    room: float = 100.0

    @property
    def feedback(self) -> float:
        """Share of the low frequencies that is left after each pass through a comb filter."""
        share = self.reverberance / 100.0
        return float(1.0 - 0.7 ** (1.0 - share) * 0.02**share)

    @property
    def low_pass(self) -> float:
        """Coefficient d of the low-pass filter."""
        return 0.2 + 0.3 * self.damping / 100.0

    def comb_delays(self, sample_rate: int, spread: int = 0) -> list[int]:
        """Return the delays of the comb filters in samples, for a channel with this spread."""
        scale = (0.1 + 0.9 * self.room / 100.0) * sample_rate / _DELAY_RATE
        return _delays(_COMB_DELAYS, spread, scale)


def reverberate(audio: NDArray[np.float32], sample_rate: int, room: Room) -> NDArray[np.float32]:
    """Return the audio with reverberation.

    Args:
        audio: Mono, shape ``(samples,)``.
        sample_rate: In Hz.
        room: Parameters.

    Returns:
        As many samples; not clipped.
    """
    signal = audio.astype(np.float64)
    wet = _channel(signal, sample_rate, room, 0) + _channel(signal, sample_rate, room, _SPREAD)
    return (signal + 0.5 * _WET_GAIN * wet).astype(np.float32)


def _channel(signal: Signal, sample_rate: int, room: Room, spread: int) -> Signal:
    total = np.zeros_like(signal)
    for delay in room.comb_delays(sample_rate, spread):
        _add_comb(signal, delay, room.feedback, room.low_pass, total)
    for delay in reversed(_delays(_ALL_PASS_DELAYS, spread, sample_rate / _DELAY_RATE)):
        total = _all_pass(total, delay, _ALL_PASS_FEEDBACK)
    return total


def _delays(lengths: tuple[int, ...], spread: int, scale: float) -> list[int]:
    """Return delays in samples, rounded; the spread changes sign from one to the next."""
    signs = (1 if index % 2 == 0 else -1 for index in range(len(lengths)))
    return [
        max(1, int(scale * (length + sign * spread) + 0.5))
        for length, sign in zip(lengths, signs, strict=True)
    ]


@compiled
def _add_comb(signal: Signal, delay: int, feedback: float, low_pass: float, total: Signal) -> None:
    """Add to ``total`` the delayed signal of a comb filter."""
    size = signal.shape[0]
    line = np.empty(size, np.float64)  # what enters the delay line
    line[:delay] = signal[:delay]
    smooth = 0.0
    for i in range(delay, size):
        out = line[i - delay]
        smooth = out + (smooth - out) * low_pass
        line[i] = signal[i] + smooth * feedback
        total[i] += out


@compiled
def _all_pass(signal: Signal, delay: int, feedback: float) -> Signal:
    """Return the output of Freeverb's all-pass filter, which is one for a feedback near 0.6."""
    size = signal.shape[0]
    line = np.empty(size, np.float64)
    result = np.empty(size, np.float64)
    for i in range(size):
        out = line[i - delay] if i >= delay else 0.0
        line[i] = signal[i] + feedback * out
        result[i] = out - signal[i]
    return result
