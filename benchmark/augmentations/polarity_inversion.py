"""Inversion of the polarity."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from benchmark.augmentations.base import Audio, Drawn, Transform
from benchmark.perturbations.dsp.engine import audiomentations, run_pinned


class PolarityInversion(Transform):
    """Multiply by -1."""

    name: ClassVar[str] = "polarity_inversion"
    engine: ClassVar[tuple[str, ...]] = ("audiomentations",)

    def draw(self, rng: np.random.RandomState) -> Drawn:
        """Draw nothing."""
        del rng
        return {}

    def apply(self, audio: Audio, sample_rate: int, drawn: Drawn) -> Audio:
        """Return the inverted crop."""
        del drawn
        return run_pinned(audiomentations().PolarityInversion(p=1.0), audio, sample_rate)
