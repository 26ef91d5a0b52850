"""The robustness tests of Won et al. 2020, reproduced exactly for comparison with published scores.

"Evaluation of CNN-based automatic music tagging models", SMC 2020, and its published code. Three
of the four have a side effect that dominates the named one: the smearing of the phase vocoder, the
level drop of the compander, and a noise ratio that depends on the peak of the track. The suite
avoids these. The published code gives ranges only; the grids of levels are tagbench's.
"""

from __future__ import annotations

import numpy as np

from benchmark.perturbations.axis import PLAYBACK_RATE, SEMITONES, Axis
from benchmark.perturbations.base import Audio, Perturbation


class _Won2020(Perturbation):
    """Base class of the published tests, which are selected by name only, with all levels."""

    protocol = "won2020"
    default = False


class Won2020TimeStretch(_Won2020):
    """Time stretch by the phase vocoder of librosa; the length changes with the rate."""

    name = "won2020_time_stretch"
    family = "time_stretch"
    title = "Time stretch (Won 2020)"
    axis = PLAYBACK_RATE
    levels = tuple(round(2.0**octaves, 9) for octaves in (-0.5, -0.25, 0.25, 0.5))
    engine = ("librosa",)

    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Change the tempo by the factor ``level``."""
        del sample_rate, rng
        from benchmark.perturbations.dsp import vocoder

        return vocoder.stretch(audio, level)

    def output_samples(self, samples: int, level: float) -> int:
        """Return ``samples / level``, rounded."""
        return round(samples / level)


class Won2020PitchShift(_Won2020):
    """Pitch shift by the phase vocoder of librosa, followed by resampling."""

    name = "won2020_pitch_shift"
    family = "pitch_shift"
    title = "Pitch shift (Won 2020)"
    axis = SEMITONES
    levels = (-1.0, -0.5, 0.5, 1.0)
    engine = ("librosa", "soxr")

    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Shift by ``level`` semitones; the length is kept."""
        del sample_rate, rng
        from benchmark.perturbations.dsp import vocoder

        return vocoder.shift(audio, level)


class Won2020DynamicRange(_Won2020):
    """Presets of ``sox compand`` on a 16-bit file, including clipping and dither."""

    name = "won2020_dynamic_range"
    family = "dynamic_range_compression"
    title = "Dynamic range (Won 2020)"
    axis = Axis(
        "preset",
        "preset (4 music standard, 5 music light, 6 speech)",
        scale="ordinal",
        prefix="preset",
    )
    levels = (4.0, 5.0, 6.0)

    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Compand with preset ``level``, 1 to 6."""
        from benchmark.perturbations.dsp import compander

        companded = compander.published(audio, sample_rate, int(level))
        return compander.to_int16_and_back(companded, rng).astype(np.float32)


class Won2020WhiteNoise(_Won2020):
    """``(1 - r) x + r n``, the noise scaled to the track's highest positive sample.

    The signal-to-noise ratio depends on the crest factor of both, and the music gets quieter.
    The reference draws the noise unseeded; here the seed depends on the track.
    """

    name = "won2020_white_noise"
    family = "white_noise"
    title = "White noise (Won 2020)"
    axis = Axis("mix", "share of noise", clean=0.0, prefix="share")
    levels = (0.1, 0.2, 0.3, 0.4)

    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Mix in a share ``level`` of noise; a track of odd length loses its last sample."""
        del sample_rate
        if audio.size < 2:  # too short for a spectrum
            return audio * np.float32(1.0 - level)
        signal = audio.astype(np.float64)
        # The reference filters with an exponent of 0, which is no filter; irfft drops a sample.
        noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(signal.size)))
        noise *= signal.max() / np.abs(noise).max()
        return ((1.0 - level) * signal[: noise.size] + level * noise).astype(np.float32)

    def output_samples(self, samples: int, level: float) -> int:
        """Return ``samples``, or one less where it is odd."""
        del level
        return samples - samples % 2 if samples > 1 else samples
