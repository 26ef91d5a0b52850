"""White noise at the requested signal-to-noise ratio."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.conditions import conditions_of, perturbed
from tests.support.sounds import digest, music, rms_db


def test_noise_has_the_exact_ratio_and_one_shape_for_all_levels() -> None:
    audio = music()
    shapes = []
    for condition in conditions_of("white_noise"):
        noise = perturbed(audio, condition).astype(np.float64) - audio
        assert rms_db(audio) - rms_db(noise) == pytest.approx(condition.level, abs=1e-3)
        shapes.append(noise)
    for noise in shapes[1:]:
        assert np.corrcoef(shapes[0], noise)[0, 1] == pytest.approx(1.0, abs=1e-6)


def test_noise_is_white() -> None:
    audio = music(8.0)
    noise = perturbed(audio, conditions_of("white_noise")[2]).astype(np.float64) - audio
    bands = (np.abs(np.fft.rfft(noise)[1:]) ** 2).reshape(8, -1).mean(1)
    assert np.abs(10 * np.log10(bands / bands.mean())).max() < 0.3


def test_noise_differs_between_tracks_and_seeds() -> None:
    audio, condition = music(), conditions_of("white_noise")[0]
    digests = {digest(perturbed(audio, condition, t, s)) for t in ("a", "b") for s in (0, 1)}
    assert len(digests) == 4
