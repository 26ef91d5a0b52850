"""Artificial reverberation."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import AfterValidator, Field

from benchmark.augmentations.base import Audio, Drawn, Transform, ascending
from benchmark.augmentations.dsp.freeverb import Room, reverberate

_Percent = Annotated[int, Field(ge=0, le=100)]
_Percents = Annotated[tuple[_Percent, _Percent], AfterValidator(ascending)]


class Reverb(Transform):
    """Add the reverberation of a room with random properties.

    The parameters are those of ``sox reverb``, and so is the result, see
    `benchmark.augmentations.dsp.freeverb`.

    Attributes:
        reverberance: Bounds of the reverberance in percent, drawn uniformly from the integers.
        damping: The same of the damping of high frequencies.
        room: The same of the size of the room.
    """

    name: ClassVar[str] = "reverb"
    reverberance: _Percents = (0, 99)
    damping: _Percents = (0, 99)
    room: _Percents = (0, 99)

    def draw(self, rng: np.random.RandomState) -> Drawn:
        """Draw the three parameters."""
        ranges = {"reverberance": self.reverberance, "damping": self.damping, "room": self.room}
        return {name: int(rng.randint(low, high + 1)) for name, (low, high) in ranges.items()}

    def apply(self, audio: Audio, sample_rate: int, drawn: Drawn) -> Audio:
        """Return the crop with reverberation; what rings beyond its end is cut off."""
        return reverberate(audio, sample_rate, Room(**drawn))
