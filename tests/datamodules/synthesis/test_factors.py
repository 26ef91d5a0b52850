from __future__ import annotations

from tests.support.synthetic_clips import CLIPS


def test_factors_keep_clear_of_the_thresholds():
    for clip in CLIPS:
        assert not 76 < clip.tempo_bpm < 90
        assert not 130 < clip.tempo_bpm < 144
        assert not -30 < clip.level_dbfs < -25
        assert not -19 < clip.level_dbfs < -15
