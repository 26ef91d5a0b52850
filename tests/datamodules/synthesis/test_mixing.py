from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from datamodules.common.seeding import rng_for
from datamodules.synthesis.mixing import impulse_response, rms, set_level
from tests.support.synthetic_clips import RATE


@pytest.mark.parametrize("reverb_s", [0.5, 3.0])
def test_reverberation_falls_by_sixty_decibels_in_the_stated_time(reverb_s):
    slopes = []
    for draw in range(6):
        room = impulse_response(reverb_s, RATE, rng_for("test", draw))
        band = scipy.signal.butter(3, (300, 2000), "bandpass", fs=RATE, output="sos")
        energy = np.cumsum(scipy.signal.sosfilt(band, room)[::-1] ** 2)[::-1]
        curve = 10 * np.log10(energy / energy[0])
        inside = np.flatnonzero((curve < -5) & (curve > -35))
        slopes.append(np.polyfit(inside / RATE, curve[inside], 1)[0])
        assert rms(room) ** 2 * len(room) == pytest.approx(1.0, rel=1e-3)
    assert -60 / np.mean(slopes) == pytest.approx(reverb_s, rel=0.05)


def test_limiter_reaches_the_level_without_clipping():
    rng = rng_for("test")
    audio = (rng.standard_normal(RATE) * 0.01).astype(np.float32)
    audio[::1600] += 0.8  # crest factor far above what -11 dBFS allows
    loud = set_level(audio, -11.0, RATE)
    assert 20 * np.log10(rms(loud)) == pytest.approx(-11.0, abs=0.01)
    assert np.abs(loud).max() < 1.0
    # Where nothing passes full scale, it only scales.
    quiet = set_level(audio, -40.0, RATE)
    np.testing.assert_allclose(quiet / quiet[0], audio / audio[0], rtol=1e-4)
