"""White noise in proportion to the crop."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from benchmark.augmentations.base import N_SEEDS, Audio, Drawn, PositiveRange, Transform


class Noise(Transform):
    """White Gaussian noise whose standard deviation is a random share of that of the crop.

    The published code of these chains calls the share a signal-to-noise ratio, but it is the ratio
    of noise to signal: a share of 0.5 is a signal-to-noise ratio of 6 dB, and 0.01 is 40 dB.
    The deviation of the noise is scaled to the share exactly; the published code meets it on
    average.

    Attributes:
        ratio: Bounds of the share, drawn uniformly.
    """

    name: ClassVar[str] = "noise"
    ratio: PositiveRange = (1e-4, 1e-2)

    @property
    def families(self) -> frozenset[str]:
        """The family ``white_noise``."""
        return frozenset({"white_noise"})

    def draw(self, rng: np.random.RandomState) -> Drawn:
        """Draw the share and the seed of the noise."""
        ratio = float(rng.uniform(*self.ratio))
        return {"ratio": ratio, "seed": int(rng.randint(N_SEEDS, dtype=np.uint64))}

    def apply(self, audio: Audio, sample_rate: int, drawn: Drawn) -> Audio:
        """Return the crop plus noise; silence stays silent."""
        del sample_rate
        signal = audio.astype(np.float64)
        noise = np.random.RandomState(int(drawn["seed"])).standard_normal(signal.shape)
        deviation = noise.std() or 1.0  # a crop of one sample has none
        noise *= drawn["ratio"] * signal.std() / deviation
        return (signal + noise).astype(np.float32)
