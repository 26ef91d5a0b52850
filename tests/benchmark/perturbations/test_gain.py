"""Gain."""

from __future__ import annotations

import numpy as np

from tests.support.conditions import conditions_of, perturbed
from tests.support.sounds import music


def test_gain_is_exact() -> None:
    audio = music()
    for condition in conditions_of("gain"):
        np.testing.assert_allclose(
            perturbed(audio, condition), audio * 10 ** (condition.level / 20), rtol=1e-6
        )
