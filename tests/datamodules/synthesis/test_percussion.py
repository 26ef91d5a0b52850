from __future__ import annotations

import numpy as np

from datamodules.common.seeding import rng_for
from datamodules.synthesis.percussion import SOUNDS, drums
from datamodules.synthesis.score import Hit
from tests.support.synthetic_clips import RATE


def test_hits_sound_where_they_are_written():
    for sound in SOUNDS:
        audio = drums([Hit(0.5, sound, 1.0)], RATE, RATE, rng_for("test"), electronic=False)
        assert not audio[: RATE // 2].any()
        assert np.abs(audio[RATE // 2 : RATE // 2 + 800]).max() > 0.05
