"""Dynamic range compression: level, ratio, attack, release and span."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import soxr

from benchmark.perturbations import CLEAN
from tests.support.conditions import conditions_of, perturbed
from tests.support.sounds import RATE, crest_db, level_range_db, music, rms_db, sine


def check_compression(audio: np.ndarray) -> None:
    crests = [crest_db(audio)]
    for condition in conditions_of("compression"):
        compressed = perturbed(audio, condition)
        assert rms_db(compressed) == pytest.approx(rms_db(audio), abs=1e-3)
        crests.append(crest_db(compressed))
    assert (np.diff(crests) < -0.05).all(), crests


def test_compression_keeps_rms_and_narrows_dynamics_at_every_step() -> None:
    audio = music(6.0)
    check_compression(audio)
    ranges = [level_range_db(perturbed(audio, c)) for c in (CLEAN, *conditions_of("compression"))]
    assert (np.diff(ranges) < -0.5).all(), ranges
    assert ranges[-1] < 0.6 * ranges[0]


def test_compression_lowers_the_crest_factor_of_any_signal() -> None:
    rng = np.random.RandomState(0)
    check_compression(rng.standard_normal(2 * RATE).astype(np.float32) * 0.1)
    check_compression(rng.laplace(size=2 * RATE).astype(np.float32) * 0.1)
    check_compression(music(3.0, seed=5) * 1e-3)


def test_compression_follows_its_ratio() -> None:
    quiet_then_loud = sine(500.0, 4.0) * np.repeat(np.float32([0.1, 1.0]), 2 * RATE)
    for condition in conditions_of("compression"):
        compressed = perturbed(quiet_then_loud, condition)
        step = rms_db(compressed[3 * RATE :]) - rms_db(compressed[RATE : 2 * RATE])
        assert step == pytest.approx(20.0 / condition.level, abs=0.02)


def test_compression_rises_ahead_falls_by_its_release_and_keeps_gain_below_its_span() -> None:
    up, down = RATE, 2 * RATE
    audio = np.full(4 * RATE, 1e-4, np.float32)  # 80 dB below the loud second
    audio[up:down] = 1.0
    for condition in conditions_of("compression"):
        share = 1 - 1 / condition.level
        gain = 20 * np.log10(perturbed(audio, condition).astype(np.float64) / audio)
        quiet, loud, again = gain[RATE // 2], gain[up + RATE // 2], gain[-1]
        # Four seconds hold one that is loud, its rise and its release: the pivot is their mean,
        # and the span ends 50 dB below it.
        pivot = 10 * np.log10((1.0 + 0.005 + 0.08 / 2) / 4)
        assert quiet - loud == pytest.approx(share * (50 - pivot), abs=0.01)
        assert again == pytest.approx(quiet, abs=1e-4)
        moved = np.flatnonzero(np.abs(gain[:up] - quiet) > 1e-3)
        assert moved[0] == up - round(0.005 * RATE)
        falling = gain[down + RATE // 20 : down + RATE // 4]
        per_second = np.polyfit(np.arange(falling.size) / RATE, falling, 1)[0]
        assert per_second == pytest.approx(share * 20 * np.log10(np.e) / 0.08, rel=0.003)


def test_compression_on_real_music(shared_data) -> None:
    for name in ("fma_000459.mp3", "mtat_joram-moments_of_clarity-08-solipsism-59-88.mp3"):
        audio, rate = soundfile.read(
            shared_data / "audio" / name, dtype="float32", always_2d=True, frames=441_000
        )
        check_compression(soxr.resample(audio.mean(axis=1), rate, RATE))
