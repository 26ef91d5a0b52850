"""The robustness tests of Won et al. 2020, to the letter: for comparison with published numbers.

"Evaluation of CNN-based automatic music tagging models", SMC 2020, and its published code.
Three of the four mostly measure something other than their name: the vocoder's smear, the level
drop of the compander, a ratio of noise that depends on the track's own peak. The suite measures
the real thing. The step grid is ours; the published code gives ranges only.
"""

from __future__ import annotations

import numpy as np

from benchmark.perturbations.base import Audio, Perturbation


class _Won2020(Perturbation):
    """A published test: taken whole, and only when asked for."""

    protocol = "won2020"
    default = False


class Won2020TimeStretch(_Won2020):
    """librosa's phase vocoder, length not kept."""

    name = "won2020_time_stretch"
    family = "time_stretch"
    title = "Time stretch (Won 2020)"
    unit = "rate"
    axis_label = "Playback rate"
    levels = tuple(round(2.0**octaves, 9) for octaves in (-0.5, -0.25, 0.25, 0.5))
    engine = ("librosa",)

    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Play ``level`` times as fast."""
        del sample_rate, rng
        from benchmark.perturbations.dsp import vocoder

        return vocoder.stretch(audio, level)

    def output_samples(self, samples: int, level: float) -> int:
        """Return ``samples / level``, rounded."""
        return round(samples / level)


class Won2020PitchShift(_Won2020):
    """librosa's phase vocoder, then resampling."""

    name = "won2020_pitch_shift"
    family = "pitch_shift"
    title = "Pitch shift (Won 2020)"
    unit = "semitones"
    axis_label = "Pitch shift (semitones)"
    levels = (-1.0, -0.5, 0.5, 1.0)
    engine = ("librosa", "soxr")

    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Shift by ``level`` semitones; the length stays."""
        del sample_rate, rng
        from benchmark.perturbations.dsp import vocoder

        return vocoder.shift(audio, level)


class Won2020DynamicRange(_Won2020):
    """Presets of ``sox compand`` on a 16-bit file, clipping and dither included."""

    name = "won2020_dynamic_range"
    family = "dynamic_range_compression"
    title = "Dynamic range (Won 2020)"
    unit = "preset"
    axis_label = "Preset (4 music standard, 5 music light, 6 speech)"
    levels = (4.0, 5.0, 6.0)

    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Compand by preset ``level``, 1 to 6."""
        from benchmark.perturbations.dsp import compander

        heard = compander.published(audio, sample_rate, int(level))
        return compander.to_int16_and_back(heard, rng).astype(np.float32)


class Won2020WhiteNoise(_Won2020):
    """``(1 - r) x + r n``, the noise scaled to the track's highest positive sample.

    Its ratio to the music depends on the crest factor of both, and the music gets quieter.
    The reference draws the noise unseeded; here it is a function of the track.
    """

    name = "won2020_white_noise"
    family = "white_noise"
    title = "White noise (Won 2020)"
    unit = "mix"
    axis_label = "Share of noise"
    levels = (0.1, 0.2, 0.3, 0.4)

    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Mix in a share ``level`` of noise; an odd track loses its last sample."""
        del sample_rate
        if audio.size < 2:  # no spectrum to speak of
            return audio * np.float32(1.0 - level)
        signal = audio.astype(np.float64)
        # The reference filters by an exponent of 0, that is not at all, and irfft drops a sample.
        noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(signal.size)))
        noise *= signal.max() / np.abs(noise).max()
        return ((1.0 - level) * signal[: noise.size] + level * noise).astype(np.float32)

    def output_samples(self, samples: int, level: float) -> int:
        """Return ``samples``, less one where it is odd."""
        del level
        return samples - samples % 2 if samples > 1 else samples
