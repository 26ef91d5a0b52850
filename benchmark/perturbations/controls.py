"""Controls: one part alone of what another perturbation changes at once, under the same severity.

The engine of the suite without a change of pitch or tempo is a control too, see ``pitch_shift`` and
``time_stretch``.
"""

from __future__ import annotations

import math

import numpy as np

from benchmark.perturbations.base import CONTROLS, Audio, Perturbation


class ControlLowPass(Perturbation):
    """The empty top of the band that ``pitch_down`` leaves at 16 kHz, without the shift.

    No engine has anything to put above 8000 Hz * 2^(semitones / 12) after a shift down, and
    models react to that more than to the pitch (reference dossier, section 2).
    """

    name = "control_low_pass"
    family = "low_pass"
    title = "Low-pass (control of pitch down)"
    unit = "Hz"
    axis_label = "Band edge (Hz)"
    levels = tuple(round(8000.0 * 2.0 ** (-n / 12), 3) for n in (0.25, 0.5, 1.0, 2.0, 3.0))
    protocol = CONTROLS
    default = False

    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Remove what lies above ``level``; nothing moves in time."""
        del rng
        from benchmark.perturbations.dsp.filters import low_pass

        return low_pass(audio, sample_rate, level)


class ControlGain(Perturbation):
    """The level drop of ``won2020_dynamic_range``, without its compression.

    On commercial music the drop explains the whole effect of the published test (reference dossier,
    section 0).
    """

    name = "control_gain"
    family = "gain"
    title = "Gain (control of dynamic range, Won 2020)"
    unit = "preset"
    axis_label = "Gain of preset (4 music standard, 5 music light, 6 speech)"
    levels = (4.0, 5.0, 6.0)
    protocol = CONTROLS
    default = False

    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Scale the track to the RMS that preset ``level`` would give it."""
        del rng
        from benchmark.perturbations.dsp import compander

        signal = audio.astype(np.float64)
        power = float(np.mean(signal * signal)) if signal.size else 0.0
        if power < 1e-12:  # -120 dB: the published test hears digital silence
            return audio.copy()
        companded = compander.published(audio, sample_rate, int(level))
        gain = math.sqrt(float(np.mean(companded * companded)) / power)
        return (signal * gain).astype(np.float32)


class ControlPitchVocoder(Perturbation):
    """The mildest step of ``pitch_up`` through the engine of ``won2020_pitch_shift``.

    Listeners hardly notice 25 cents; what a model notices beyond ``pitch_up:1`` is the phase
    vocoder (reference dossier, section 0).
    """

    name = "control_pitch_vocoder"
    family = "pitch_vocoder"
    title = "Phase vocoder (control of pitch shift, Won 2020)"
    unit = "semitones"
    axis_label = "Pitch shift (semitones)"
    levels = (0.25,)
    protocol = CONTROLS
    default = False
    engine = ("librosa", "soxr")

    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Shift by ``level`` semitones; the length stays."""
        del sample_rate, rng
        from benchmark.perturbations.dsp import vocoder

        return vocoder.shift(audio, level)
