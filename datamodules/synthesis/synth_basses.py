"""Sustained basses of synthesizers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from datamodules.synthesis.oscillators import (
    Audio,
    gate,
    low_pass,
    oscillate,
    pitch_curve,
    shape_spectrum,
    split_voices,
)
from datamodules.synthesis.score import Note
from datamodules.synthesis.sustained import sawtooth


def reese_bass(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Two detuned sawtooths that beat slowly, below a low-pass filter, and a sine at the pitch."""
    cents = rng.uniform(6.0, 14.0)
    cutoff = rng.uniform(300.0, 900.0)
    sub = np.float32(rng.uniform(0.6, 1.2))
    out: Audio = np.zeros(samples, np.float32)
    for voice in split_voices(notes):
        written = pitch_curve(voice, samples, sample_rate, glide=0.006)
        loudness = gate(voice, samples, sample_rate, rise=0.01, fall=0.03)
        out += sub * oscillate(voice, written, sample_rate, lambda _: (1.0,)) * loudness
        for sign in (-0.5, 0.5):
            hertz = written * 2.0 ** (sign * cents / 1200.0)
            start = float(rng.random_sample())
            out += oscillate(voice, hertz, sample_rate, sawtooth, start) * loudness
    return shape_spectrum([out], [low_pass(cutoff, 2, 0.4)], sample_rate)
