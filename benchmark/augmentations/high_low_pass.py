"""The filter of the published chains."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from benchmark.augmentations.base import Audio, Drawn, PositiveRange, Transform
from benchmark.augmentations.dsp.sinc_filter import high_pass, low_pass


class HighLowPass(Transform):
    """Either a high-pass or a low-pass filter, with equal probability.

    The filters are those of the published code: a sinc under a Hann window, of zero phase, -6 dB at
    the cut-off frequency. See ``low_pass`` and ``high_pass`` for Butterworth filters.

    Attributes:
        high: Bounds of the cut-off frequency of the high-pass filter in Hz, drawn uniformly.
        low: The same of the low-pass filter.
    """

    name: ClassVar[str] = "high_low_pass"
    high: PositiveRange = (200.0, 1200.0)
    low: PositiveRange = (2200.0, 4000.0)

    def draw(self, rng: np.random.RandomState) -> Drawn:
        """Draw which filter (1 for the low-pass) and its cut-off frequency."""
        low = int(rng.randint(2))
        return {"low": low, "cutoff": float(rng.uniform(*(self.low if low else self.high)))}

    def apply(self, audio: Audio, sample_rate: int, drawn: Drawn) -> Audio:
        """Return the filtered crop."""
        apply_filter = low_pass if drawn["low"] else high_pass
        return apply_filter(audio, sample_rate, drawn["cutoff"])
