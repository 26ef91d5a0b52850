"""Pitch shift without a change of tempo."""

from __future__ import annotations

import numpy as np

from benchmark.perturbations.axis import SEMITONES
from benchmark.perturbations.base import Audio, Perturbation
from benchmark.perturbations.condition import CONTROLS
from benchmark.perturbations.dsp.stretch_engine import ENGINE, shift_pitch


class _PitchShift(Perturbation):
    """Signalsmith Stretch through audiomentations, without the smearing of a phase vocoder.

    Up and down are two perturbations: a shift down also empties the top of the band, and models
    react to that more than to the pitch.
    """

    family = "pitch_shift"
    axis = SEMITONES
    engine = ENGINE

    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Shift by ``level`` semitones; the length is kept."""
        del rng
        return shift_pitch(audio, sample_rate, level)


class PitchUp(_PitchShift):
    """Shift up by a quarter of a semitone to three semitones."""

    name = "pitch_up"
    title = "Pitch up"
    levels = (0.25, 0.5, 1.0, 2.0, 3.0)


class PitchDown(_PitchShift):
    """Shift down by a quarter of a semitone to three semitones."""

    name = "pitch_down"
    title = "Pitch down"
    levels = (-0.25, -0.5, -1.0, -2.0, -3.0)


class ControlPitchEngine(_PitchShift):
    """Pitch shift by zero semitones, which fades the ends and leaves the rest unchanged."""

    name = "control_pitch_engine"
    title = "Pitch engine (control)"
    levels = (0.0,)
    protocol = CONTROLS
    default = False
