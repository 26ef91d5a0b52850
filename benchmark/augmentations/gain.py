"""A random gain."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from benchmark.augmentations.base import Audio, Drawn, Range, Transform
from benchmark.perturbations.dsp.engine import audiomentations, run_pinned


class Gain(Transform):
    """Scale by a random number of decibels.

    Attributes:
        decibels: Bounds in dB, drawn uniformly.
    """

    name: ClassVar[str] = "gain"
    engine: ClassVar[tuple[str, ...]] = ("audiomentations",)
    decibels: Range = (-20.0, -1.0)

    @property
    def families(self) -> frozenset[str]:
        """The family ``gain``."""
        return frozenset({"gain"})

    def draw(self, rng: np.random.RandomState) -> Drawn:
        """Draw the gain."""
        return {"decibels": float(rng.uniform(*self.decibels))}

    def apply(self, audio: Audio, sample_rate: int, drawn: Drawn) -> Audio:
        """Return the scaled crop."""
        level = drawn["decibels"]
        transform = audiomentations().Gain(min_gain_db=level, max_gain_db=level, p=1.0)
        return run_pinned(transform, audio, sample_rate, amplitude_ratio=10.0 ** (level / 20.0))
