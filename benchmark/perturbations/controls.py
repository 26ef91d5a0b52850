"""Controls: one side effect of another perturbation, isolated, at the same severity.

The engines of the suite without a change of pitch or tempo are controls too; see ``pitch_shift``
and ``time_stretch``.
"""

from __future__ import annotations

import math

import numpy as np

from benchmark.perturbations.axis import SEMITONES, Axis
from benchmark.perturbations.base import Audio, Isolates, Perturbation
from benchmark.perturbations.condition import CONTROLS

_NYQUIST = 8000.0  # Hz, of audio at 16 kHz


class ControlLowPass(Perturbation):
    """Low-pass filter that removes the band which is empty after ``pitch_down`` at 16 kHz.

    After a shift down, no engine can fill the band above 8000 Hz * 2^(semitones / 12), and models
    react to that more than to the pitch.
    """

    name = "control_low_pass"
    family = "low_pass"
    title = "Low-pass (control of pitch down)"
    axis = Axis("Hz", "band edge (Hz, log2 scale)", scale="log2", descending=True, tick="{:.0f}")
    isolates = Isolates(
        "pitch_shift", "semitones", lambda edge: 12.0 * float(np.log2(edge / _NYQUIST))
    )
    levels = tuple(round(_NYQUIST * 2.0 ** (-n / 12), 3) for n in (0.25, 0.5, 1.0, 2.0, 3.0))
    protocol = CONTROLS
    default = False

    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Remove frequencies above ``level`` with a filter of zero phase."""
        del rng
        from benchmark.perturbations.dsp.filters import low_pass

        return low_pass(audio, sample_rate, level)


class ControlGain(Perturbation):
    """Gain that reproduces the level drop of ``won2020_dynamic_range`` without its compression.

    On commercial music the drop explains the whole effect of the published test.
    """

    name = "control_gain"
    family = "gain"
    title = "Gain (control of dynamic range, Won 2020)"
    axis = Axis(
        "preset",
        "gain of preset (4 music standard, 5 music light, 6 speech)",
        scale="ordinal",
        prefix="preset",
    )
    isolates = Isolates("dynamic_range_compression")
    levels = (4.0, 5.0, 6.0)
    protocol = CONTROLS
    default = False

    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Scale the track to the RMS that it has after preset ``level``."""
        del rng
        from benchmark.perturbations.dsp import compander

        signal = audio.astype(np.float64)
        power = float(np.mean(signal * signal)) if signal.size else 0.0
        if power < 1e-12:  # -120 dB: below it, audio stored as 16 bits is digital silence
            return audio.copy()
        companded = compander.published(audio, sample_rate, int(level))
        gain = math.sqrt(float(np.mean(companded * companded)) / power)
        return (signal * gain).astype(np.float32)


class ControlPitchVocoder(Perturbation):
    """Pitch shift by the mildest level of ``pitch_up`` with the engine of ``won2020_pitch_shift``.

    Listeners hardly notice 25 cents; a drop beyond that of ``pitch_up:1`` is due to the phase
    vocoder.
    """

    name = "control_pitch_vocoder"
    family = "pitch_vocoder"
    title = "Phase vocoder (control of pitch shift, Won 2020)"
    axis = SEMITONES
    isolates = Isolates("pitch_shift")
    levels = (0.25,)
    protocol = CONTROLS
    default = False
    engine = ("librosa", "soxr")

    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Shift by ``level`` semitones; the length is kept."""
        del sample_rate, rng
        from benchmark.perturbations.dsp import vocoder

        return vocoder.shift(audio, level)
