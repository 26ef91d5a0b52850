"""Percussion: sounds that are synthesised once per clip and repeated at every hit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import scipy.signal

from datamodules.synthesis.oscillators import Audio, attack
from datamodules.synthesis.score import Hit


def _decay(seconds: float, sample_rate: int, length: float | None = None) -> Audio:
    count = int((length or 6.0 * seconds) * sample_rate)
    curve: Audio = np.exp(-np.arange(count) / (seconds * sample_rate)).astype(np.float32)
    return curve


def _drop(high: float, low: float, fall: float, curve: Audio, sample_rate: int) -> Audio:
    """Return a sine that falls from ``high`` to ``low`` hertz with time constant ``fall``."""
    seconds = np.arange(len(curve)) / sample_rate
    cycles = low * seconds + (high - low) * fall * (1.0 - np.exp(-seconds / fall))
    out: Audio = np.sin(2.0 * np.pi * cycles).astype(np.float32) * curve
    return out


def _hiss(
    band: tuple[float, float], curve: Audio, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Return band-passed noise of unit RMS, multiplied by ``curve``."""
    top = min(band[1], 0.48 * sample_rate)
    sos = scipy.signal.butter(2, (band[0], top), "bandpass", fs=sample_rate, output="sos")
    noise = scipy.signal.sosfilt(sos, rng.standard_normal(len(curve)))
    noise /= np.sqrt(np.mean(noise**2))
    out: Audio = noise.astype(np.float32) * curve
    return out


def _kick(rate: int, electronic: bool, rng: np.random.RandomState) -> Audio:
    low = rng.uniform(44.0, 56.0) if electronic else rng.uniform(55.0, 72.0)
    high = rng.uniform(180.0, 260.0) if electronic else rng.uniform(110.0, 160.0)
    body = _drop(high, low, 0.03, _decay(0.12 if electronic else 0.07, rate), rate)
    click = 0.3 * _hiss((1500.0, 5000.0), _decay(0.003, rate), rate, rng)
    body[: len(click)] += click
    return 1.3 * attack(body, 0.001, rate)


def _snare(rate: int, rng: np.random.RandomState) -> Audio:
    curve = _decay(0.07, rate)
    tone = _drop(rng.uniform(220.0, 280.0), rng.uniform(170.0, 200.0), 0.02, curve, rate)
    return 0.5 * tone + 0.35 * _hiss((900.0, 7500.0), curve, rate, rng)


def _clap(rate: int, rng: np.random.RandomState) -> Audio:
    curve = _decay(0.06, rate, 0.4)
    for delay in (0.011, 0.022):  # three hands, slightly apart
        shift = int(delay * rate)
        curve[shift:] += _decay(0.008, rate, 0.4)[: len(curve) - shift]
    return 0.4 * _hiss((900.0, 3500.0), curve, rate, rng)


def _skin(low: float, seconds: float, rate: int, rng: np.random.RandomState) -> Audio:
    sound = _drop(1.25 * low, low, 0.03, _decay(seconds, rate), rate)
    slap = 0.25 * _hiss((600.0, 2500.0), _decay(0.006, rate), rate, rng)
    sound[: len(slap)] += slap
    return attack(sound, 0.001, rate)


def _ride(rate: int, rng: np.random.RandomState) -> Audio:
    curve = _decay(0.25, rate)
    # Inharmonic modes of the plate; unlike noise, they make the cymbal ring.
    cycles = np.outer(np.arange(len(curve)) / rate, rng.uniform(2500.0, 6500.0, size=6))
    modes = np.sin(2.0 * np.pi * cycles).sum(axis=1).astype(np.float32)
    hiss = _hiss((4000.0, 9e9), curve, rate, rng)
    return attack(0.04 * modes * curve + 0.12 * hiss, 0.001, rate)


def _rim(rate: int, rng: np.random.RandomState) -> Audio:
    curve = _decay(0.018, rate)
    knock = _drop(rng.uniform(1500.0, 1900.0), rng.uniform(420.0, 520.0), 0.004, curve, rate)
    return 0.6 * knock + 0.15 * _hiss((1500.0, 5000.0), curve, rate, rng)


Maker = Callable[[int, np.random.RandomState], Audio]
SOUNDS: dict[str, Maker] = {
    "kick": lambda rate, rng: _kick(rate, False, rng),
    "machine_kick": lambda rate, rng: _kick(rate, True, rng),
    "snare": _snare,
    "clap": _clap,
    "hat": lambda rate, rng: 0.25 * _hiss((5000.0, 9e9), _decay(0.025, rate), rate, rng),
    "open_hat": lambda rate, rng: 0.25 * _hiss((4500.0, 9e9), _decay(0.09, rate), rate, rng),
    "crash": lambda rate, rng: 0.25 * _hiss((2500.0, 9e9), _decay(0.45, rate), rate, rng),
    "ride": _ride,
    "rim": _rim,
    "brush": lambda rate, rng: attack(
        0.3 * _hiss((1200.0, 6000.0), _decay(0.08, rate), rate, rng), 0.03, rate
    ),
    "shaker": lambda rate, rng: attack(
        0.3 * _hiss((3500.0, 7000.0), _decay(0.03, rate), rate, rng), 0.02, rate
    ),
    "low_drum": lambda rate, rng: _skin(rng.uniform(90.0, 130.0), 0.14, rate, rng),
    "high_drum": lambda rate, rng: _skin(rng.uniform(240.0, 330.0), 0.07, rate, rng),
}


def drums(
    hits: Sequence[Hit],
    samples: int,
    sample_rate: int,
    rng: np.random.RandomState,
    electronic: bool,
) -> Audio:
    """Render a drum part.

    Args:
        hits: The hits.
        samples: Number of samples of the result.
        sample_rate: Sample rate in Hz.
        rng: Draws the sounds; each is the same throughout the clip.
        electronic: Whether the kick is that of a drum machine.

    Returns:
        Mono float32 of shape (samples,).
    """
    out: Audio = np.zeros(samples, np.float32)
    made: dict[str, Audio] = {}
    for hit in hits:
        if hit.sound not in made:
            name = "machine_kick" if electronic and hit.sound == "kick" else hit.sound
            made[hit.sound] = SOUNDS[name](sample_rate, rng)
        begin = int(hit.onset * sample_rate)
        sound = made[hit.sound][: samples - begin]
        out[begin : begin + len(sound)] += np.float32(hit.velocity) * sound
    return out
