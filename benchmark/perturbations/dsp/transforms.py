"""Waveform transforms that audiomentations lacks, as subclasses of its base class.

They draw no random parameters: the output is a function of their arguments.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.perturbations.dsp import levels
from benchmark.perturbations.dsp.engine import audiomentations

_SILENCE = 1e-12  # mean square of -120 dB re full scale, below which no level is defined

_Waveform: Any = audiomentations().core.transforms_interface.BaseWaveformTransform


class PinnedTransform(_Waveform):
    """Base of transforms whose parameters are their arguments."""

    supports_multichannel = False

    def randomize_parameters(self, samples: NDArray[np.float32], sample_rate: int) -> None:
        """Use the arguments; the global generators stay untouched."""
        del samples, sample_rate
        self.parameters = {"should_apply": True, **self.get_transform_init_args()}
        self.parameters.pop("p", None)


class AddNoiseSNR(PinnedTransform):
    """Add white Gaussian noise at an exact signal-to-noise ratio over the whole track.

    Both powers are measured, so that the ratio is exact to float precision. ``AddGaussianSNR`` of
    audiomentations meets it on average only, and draws its noise from the global generator.
    """

    def __init__(self, snr_db: float, noise_seed: int, p: float = 1.0) -> None:
        super().__init__(p)
        self.snr_db = float(snr_db)
        self.noise_seed = int(noise_seed)

    def apply(self, samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
        """Return samples plus noise; silence stays silent."""
        del sample_rate
        signal = samples.astype(np.float64)
        power = float(np.mean(signal * signal))
        if power < _SILENCE:
            return samples.copy()
        noise = np.random.RandomState(self.noise_seed).standard_normal(signal.shape)
        wanted = power * 10.0 ** (-self.snr_db / 10.0)
        noise *= math.sqrt(wanted / float(np.mean(noise * noise)))
        return (signal + noise).astype(np.float32)


class RelativeCompressor(PinnedTransform):
    """Compress levels towards the track's own level by ``ratio``, and keep its RMS.

    The level is a peak envelope and the pivot is its mean over the track, so that quiet and loud
    masters are compressed alike. The ratio applies down to ``span_db`` below the pivot; lower
    levels all have the gain of that point. No sample exceeds the envelope and the highest one
    equals it, so the highest sample gets the lowest gain and the crest factor falls with ``ratio``
    for every signal. An envelope of the mean level would let attacks through and raise it.

    Equal RMS isolates the change of dynamics: a compressor that also lowers the level measures
    mostly the effect of the level.
    """

    def __init__(
        self,
        ratio: float,
        look_ahead: float = 0.005,
        release: float = 0.080,
        span_db: float = 50.0,
        p: float = 1.0,
    ) -> None:
        super().__init__(p)
        self.ratio = float(ratio)
        self.look_ahead = float(look_ahead)
        self.release = float(release)
        self.span_db = float(span_db)

    def apply(self, samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
        """Return the compressed track, not clipped; silence stays silent."""
        signal = samples.astype(np.float64)
        power = float(np.mean(signal * signal))
        if power < _SILENCE:
            return samples.copy()
        envelope = levels.peak_envelope(
            signal,
            ahead=int(self.look_ahead * sample_rate),
            release=self.release * sample_rate,
        )
        level = levels.decibels(envelope)
        pivot = 10.0 * math.log10(float(np.mean(envelope * envelope)))
        depth = np.maximum(level - pivot, -self.span_db)
        signal *= 10.0 ** (depth * (1.0 / self.ratio - 1.0) / 20.0)
        signal *= math.sqrt(power / float(np.mean(signal * signal)))
        return signal.astype(np.float32)
