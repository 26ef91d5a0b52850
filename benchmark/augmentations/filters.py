"""Butterworth filters with a random cut-off frequency."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from benchmark.augmentations.base import Audio, Drawn, PositiveRange, Transform
from benchmark.perturbations.dsp.engine import audiomentations, run_pinned


class _Butterworth(Transform):
    """A causal Butterworth filter: -3 dB at the cut-off frequency.

    Attributes:
        cutoff: Bounds of the cut-off frequency in Hz, drawn uniformly. At or above half the sample
            rate, the filter is that of a frequency just below.
        rolloff: Slope in dB per octave, a multiple of 6.
    """

    engine: ClassVar[tuple[str, ...]] = ("audiomentations",)
    kind: ClassVar[str]
    cutoff: PositiveRange
    rolloff: int = Field(default=12, ge=6, multiple_of=6)

    def draw(self, rng: np.random.RandomState) -> Drawn:
        """Draw the cut-off frequency."""
        return {"cutoff": float(rng.uniform(*self.cutoff))}

    def apply(self, audio: Audio, sample_rate: int, drawn: Drawn) -> Audio:
        """Return the filtered crop."""
        filter_class: Any = getattr(audiomentations(), self.kind)
        return run_pinned(
            filter_class(p=1.0), audio, sample_rate,
            cutoff_freq=min(drawn["cutoff"], 0.4999 * sample_rate), rolloff=self.rolloff,
        )  # fmt: skip


class LowPass(_Butterworth):
    """Attenuate the frequencies above a random cut-off."""

    name: ClassVar[str] = "low_pass"
    kind: ClassVar[str] = "LowPassFilter"
    cutoff: PositiveRange = (2200.0, 4000.0)


class HighPass(_Butterworth):
    """Attenuate the frequencies below a random cut-off."""

    name: ClassVar[str] = "high_pass"
    kind: ClassVar[str] = "HighPassFilter"
    cutoff: PositiveRange = (200.0, 1200.0)
