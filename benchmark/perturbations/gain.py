"""Attenuation by a constant gain."""

from __future__ import annotations

import numpy as np

from benchmark.perturbations.axis import RMS, Axis
from benchmark.perturbations.base import Audio, Perturbation
from benchmark.perturbations.dsp.engine import audiomentations, run_pinned


class Gain(Perturbation):
    """A change of level alone, which is a side effect of published compression tests."""

    name = "gain"
    family = "gain"
    title = "Gain"
    axis = Axis("dB", "gain (dB)", descending=True, clean=0.0, requested=RMS, signed=True)
    levels = (-3.0, -6.0, -12.0, -18.0, -24.0)
    default = False
    engine = ("audiomentations",)

    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Scale by ``level`` dB."""
        del rng
        transform = audiomentations().Gain(min_gain_db=level, max_gain_db=level, p=1.0)
        return run_pinned(transform, audio, sample_rate, amplitude_ratio=10.0 ** (level / 20.0))
