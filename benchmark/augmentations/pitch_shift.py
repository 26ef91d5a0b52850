"""A random shift of the pitch."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from benchmark.augmentations.base import Audio, Drawn, IntegerRange, Transform
from benchmark.perturbations.dsp.stretch_engine import ENGINE, shift_pitch


class PitchShift(Transform):
    """Shift the pitch by a random number of cents; length and tempo are kept.

    The engine is that of the perturbation ``pitch_up``, Signalsmith Stretch, where the published
    code uses ``sox pitch``. It fades about 10 ms at both ends of the crop.

    Attributes:
        cents: Bounds of the shift, drawn uniformly from the integers.
    """

    name: ClassVar[str] = "pitch_shift"
    engine: ClassVar[tuple[str, ...]] = ENGINE
    cents: IntegerRange = (-700, 700)

    @property
    def families(self) -> frozenset[str]:
        """The family ``pitch_shift``."""
        return frozenset({"pitch_shift"})

    def draw(self, rng: np.random.RandomState) -> Drawn:
        """Draw the shift."""
        return {"cents": int(rng.randint(self.cents[0], self.cents[1] + 1))}

    def apply(self, audio: Audio, sample_rate: int, drawn: Drawn) -> Audio:
        """Return the shifted crop."""
        return shift_pitch(audio, sample_rate, drawn["cents"] / 100.0)
