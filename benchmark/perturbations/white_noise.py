"""White noise at an exact signal-to-noise ratio."""

from __future__ import annotations

import numpy as np

from benchmark.perturbations.axis import SNR, Axis
from benchmark.perturbations.base import Audio, Perturbation


class WhiteNoise(Perturbation):
    """White Gaussian noise from 30 dB SNR to the power of the music, in steps of 7.5 dB.

    All levels of a track share one realisation, which makes the curve over levels smoother.
    """

    name = "white_noise"
    family = "white_noise"
    title = "White noise"
    axis = Axis("dB SNR", "signal-to-noise ratio (dB)", descending=True, requested=SNR)
    levels = (30.0, 22.5, 15.0, 7.5, 0.0)

    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Add noise whose power is ``level`` dB below that of the track."""
        from benchmark.perturbations.dsp.transforms import AddNoiseSNR

        seed = int(rng.randint(2**32, dtype=np.uint64))
        noisy: Audio = AddNoiseSNR(snr_db=level, noise_seed=seed)(audio, sample_rate)
        return noisy
