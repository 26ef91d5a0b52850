"""Reed and brass instruments, whose spectrum becomes brighter with loudness."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from datamodules.synthesis.oscillators import (
    Audio,
    gate,
    low_pass,
    oscillate,
    pitch_curve,
    resonances,
    shape_spectrum,
    split_voices,
    vibrato,
)
from datamodules.synthesis.score import Note


def _reed(count: int) -> tuple[float, ...]:
    return tuple((0.9 if n % 2 else 0.6) * n**-0.9 for n in range(1, count + 1))


def _lips(count: int) -> tuple[float, ...]:
    return tuple(n**-0.6 for n in range(1, count + 1))


def saxophone(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Saxophone: reed spectrum with formants, breath, scooped onsets and a late vibrato."""
    rate, cents = rng.uniform(4.6, 5.6), rng.uniform(15.0, 35.0)
    breath = np.float32(rng.uniform(0.05, 0.15))
    out: Audio = np.zeros(samples, np.float32)
    for voice in split_voices(notes):
        hertz = pitch_curve(voice, samples, sample_rate, glide=0.012)
        hertz *= 1.0 + vibrato(voice, samples, sample_rate, rate, cents, 0.45, rng)
        loudness = gate(voice, samples, sample_rate, rise=0.03, fall=0.03)
        air = (rng.random_sample(samples) - 0.5).astype(np.float32)
        out += (oscillate(voice, hertz, sample_rate, _reed) + breath * air) * loudness
    horn = resonances([(rng.uniform(500.0, 800.0), 400.0, 1.0), (1600.0, 900.0, 0.7)], 0.25)
    cutoff = low_pass(rng.uniform(2500.0, 4500.0))
    return shape_spectrum([out], [lambda hertz: horn(hertz) * cutoff(hertz)], sample_rate)


def trumpet(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Trumpet: the high harmonics follow the square of the envelope (Risset, 1966)."""
    rate, cents = rng.uniform(4.8, 5.8), rng.uniform(8.0, 18.0)
    out: Audio = np.zeros(samples, np.float32)
    bright: Audio = np.zeros(samples, np.float32)
    for voice in split_voices(notes):
        hertz = pitch_curve(voice, samples, sample_rate, glide=0.005)
        hertz *= 1.0 + vibrato(voice, samples, sample_rate, rate, cents, 0.5, rng)
        loudness = gate(voice, samples, sample_rate, rise=0.05, fall=0.03)
        tone = oscillate(voice, hertz, sample_rate, _lips) * loudness
        out += tone
        bright += tone * loudness
    bell = resonances([(1200.0, 700.0, 1.0), (2400.0, 1500.0, 0.8)], 0.3)
    dark, open_ = low_pass(rng.uniform(900.0, 1300.0)), low_pass(rng.uniform(3500.0, 6000.0), 1)
    return shape_spectrum(
        [out, bright],
        [lambda hertz: bell(hertz) * dark(hertz), lambda hertz: bell(hertz) * open_(hertz)],
        sample_rate,
    )
