"""A single echo."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from benchmark.augmentations.base import Audio, Drawn, Positive, Transform


class Delay(Transform):
    """Mix the crop with a delayed copy of it: ``(x + volume * delayed) / 2``.

    Attributes:
        milliseconds: Delays to choose from, with equal probability.
        volume: Factor of the delayed copy.
    """

    name: ClassVar[str] = "delay"
    milliseconds: tuple[Positive, ...] = Field(
        default=(200.0, 250.0, 300.0, 350.0, 400.0, 450.0), min_length=1
    )
    volume: float = Field(default=0.5, allow_inf_nan=False)

    def draw(self, rng: np.random.RandomState) -> Drawn:
        """Draw the delay."""
        return {"milliseconds": self.milliseconds[int(rng.randint(len(self.milliseconds)))]}

    def apply(self, audio: Audio, sample_rate: int, drawn: Drawn) -> Audio:
        """Return the mixture; a delay beyond the crop leaves only its first term."""
        offset = int(drawn["milliseconds"] * (sample_rate / 1000.0))
        mixture = audio.copy()
        if offset < audio.size:
            mixture[offset:] += np.float32(self.volume) * audio[: audio.size - offset]
        return mixture * np.float32(0.5)
