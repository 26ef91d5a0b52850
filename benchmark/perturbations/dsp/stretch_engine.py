"""Signalsmith Stretch through audiomentations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.perturbations.dsp.engine import audiomentations, run_pinned

ENGINE = ("audiomentations", "python-stretch")
"""Distributions whose versions determine the audio."""


def shift_pitch(
    audio: NDArray[np.float32], sample_rate: int, semitones: float
) -> NDArray[np.float32]:
    """Return the audio with its pitch shifted; length and tempo are kept.

    Args:
        audio: Mono, shape ``(samples,)``.
        sample_rate: In Hz.
        semitones: Above 0 is up.
    """
    transform = audiomentations().PitchShift(
        min_semitones=semitones, max_semitones=semitones, method="signalsmith_stretch", p=1.0
    )
    return run_pinned(transform, audio, sample_rate, num_semitones=semitones)
