from __future__ import annotations

import numpy as np

from datamodules.synthesis.oscillators import damped_partials
from tests.support.synthetic_clips import RATE


def test_damped_partials_equal_the_formula():
    hertz, amplitude = np.array([220.0, 663.3, 9000.0]), np.array([1.0, 0.4, 1.0])
    decay, phase = np.array([1.0, 7.0, 1.0]), np.array([0.0, 2.0, 0.0])
    time = np.arange(40000) / RATE
    expected = sum(
        amplitude[p] * np.exp(-decay[p] * time) * np.cos(2 * np.pi * hertz[p] * time + phase[p])
        for p in (0, 1)  # the third is above Nyquist
    )
    found = damped_partials(hertz, amplitude, decay, phase, 40000, RATE)
    np.testing.assert_allclose(found, expected, atol=2e-6)
