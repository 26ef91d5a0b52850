"""Dynamic range compression at constant RMS."""

from __future__ import annotations

import numpy as np

from benchmark.perturbations.axis import Axis
from benchmark.perturbations.base import Audio, Perturbation


class Compression(Perturbation):
    """Compression from mild to that of loud broadcasts: look-ahead 5 ms, release 80 ms."""

    name = "compression"
    family = "dynamic_range_compression"
    title = "Compression"
    axis = Axis("ratio", "compression ratio (log2 scale)", scale="log2", clean=1.0, prefix="ratio")
    levels = (1.5, 2.0, 3.0, 5.0, 10.0)

    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Compress by the ratio ``level`` around the mean level of the track."""
        del rng
        from benchmark.perturbations.dsp.transforms import RelativeCompressor

        compressed: Audio = RelativeCompressor(ratio=level)(audio, sample_rate)
        return compressed
