"""Reimplementation of ``sox compand``.

Its rules follow the manual of SoX and measurements of the program. Tests compare it with sox and
ffmpeg where these are installed, and with stored output of sox elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmark.kernels import compiled
from benchmark.perturbations.dsp.levels import decibels, one_pole

Signal = NDArray[np.float64]


@dataclass(frozen=True)
class Compander:
    """Arguments of ``sox compand``.

    Attributes:
        points: Transfer function, (input, output) in dB re full scale, inputs rising.
        attack: Time constant while the level rises, in seconds.
        decay: Time constant while it falls, in seconds.
        gain_db: Added to the transfer function.
        initial_db: Level before the first sample. sox starts at full scale, so that every track
            fades in over its first second.
        delay: Look-ahead in seconds.
    """

    points: tuple[tuple[float, float], ...]
    attack: float = 0.1
    decay: float = 0.3
    gain_db: float = 0.0
    initial_db: float = 0.0
    delay: float = 0.1


PRESETS = {
    1: Compander(
        ((-90, -90), (-70, -70), (-60, -20), (0, 0)), attack=0.01, decay=1, gain_db=-5, delay=0
    ),
    2: Compander(((-90, -90), (-70, -64), (-43, -37), (-31, -31), (-21, -21), (0, -20))),
    3: Compander(((-90, -90), (-70, -64), (-53, -47), (-41, -41), (-21, -21), (0, -20))),
    4: Compander(((-90, -90), (-70, -58), (-55, -43), (-31, -31), (-21, -21), (0, -20))),
    5: Compander(((-90, -90), (-70, -58), (-65, -53), (-41, -41), (-21, -21), (0, -11))),
    6: Compander(((-90, -90), (-70, -55), (-50, -35), (-31, -31), (-21, -21), (0, -20))),
}
"""The presets of MUDA (McFee et al., ISMIR 2015) by the numbers of Won et al. 2020: 1 radio,
2 film standard, 3 film light, 4 music standard, 5 music light, 6 speech."""


def compand(audio: Signal, sample_rate: int, settings: Compander) -> Signal:
    """Return the companded signal, aligned with its input, of equal length and clipped to [-1, 1].

    Args:
        audio: Mono, shape ``(samples,)``.
        sample_rate: Sample rate in Hz.
        settings: Arguments of ``sox compand``.
    """
    if audio.size == 0:
        return audio.copy()
    level = decibels(
        _follow(
            audio,
            one_pole(settings.attack * sample_rate),
            one_pole(settings.decay * sample_rate),
            10.0 ** (settings.initial_db / 20.0),
        )
    )
    gain = 10.0 ** ((transfer(level, settings.points) - level + settings.gain_db) / 20.0)
    # The last samples, without look-ahead, keep the final gain.
    ahead = np.minimum(np.arange(audio.size) + int(settings.delay * sample_rate), audio.size - 1)
    return np.clip(audio * gain[ahead], -1.0, 1.0)


def published(audio: NDArray[np.float32], sample_rate: int, preset: int) -> Signal:
    """Return the output of sox for a 16-bit file, before sox quantises it, as in Won et al. 2020.

    Args:
        audio: Mono, shape ``(samples,)``; clipped at full scale, as by the file.
        sample_rate: Sample rate in Hz.
        preset: Key of :data:`PRESETS`.
    """
    file = BytesIO()
    soundfile.write(file, audio, sample_rate, format="WAV", subtype="PCM_16")
    file.seek(0)
    stored, _ = soundfile.read(file)  # float64, as the reference reads it
    return compand(stored, sample_rate, PRESETS[preset])


def transfer(level: Signal, points: tuple[tuple[float, float], ...]) -> Signal:
    """Return the output level for each input level, both in dB.

    Straight lines between the points and to (0, 0), slope 1 below the first, constant above the
    last. sox also rounds each joint over 0.01 dB, which moves the level by 0.003 dB at most.
    """
    inputs, outputs = np.array(points if points[-1][0] >= 0.0 else (*points, (0.0, 0.0))).T
    below = level + (outputs[0] - inputs[0])
    return np.where(level < inputs[0], below, np.interp(level, inputs, outputs))


def to_int16_and_back(audio: Signal, rng: np.random.RandomState) -> Signal:
    """Return the signal as sox quantises it to 16 bits: triangular dither, then rounding.

    Args:
        audio: Within [-1, 1], shape ``(samples,)``.
        rng: Generator of the dither, which sox draws anew in each run.
    """
    dither = rng.random_sample(audio.size) - rng.random_sample(audio.size)
    return np.clip(np.rint(audio * 32768.0 + dither), -32768.0, 32767.0) / 32768.0


@compiled
def _follow(audio: Signal, attack: float, decay: float, start: float) -> Signal:
    level = np.empty(audio.shape[0], np.float64)
    value = start
    for i in range(audio.shape[0]):
        step = abs(audio[i]) - value
        value += step * (attack if step > 0.0 else decay)
        level[i] = value
    return level
