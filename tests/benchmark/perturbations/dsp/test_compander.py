"""The compander against its closed forms, sox, ffmpeg, and what sox said when it was asked."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from benchmark.perturbations import perturb, resolve
from benchmark.perturbations.dsp.compander import (
    PRESETS,
    Compander,
    compand,
    to_int16_and_back,
    transfer,
)
from tests.support import sox
from tests.support.sounds import music

RATE = 16_000
each_preset = pytest.mark.parametrize("number", list(PRESETS))
need_sox = pytest.mark.skipif(not shutil.which("sox"), reason="sox is not installed")
need_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")


def decibels(ratio: np.ndarray) -> np.ndarray:
    return 20 * np.log10(ratio)


def signals(rate: int) -> dict[str, np.ndarray]:
    rng = np.random.RandomState(0)
    bursts = rng.standard_normal(2 * rate) * np.repeat(10 ** rng.uniform(-4, -0.5, 20), rate // 10)
    return {
        "probe": sox.probe(rate),
        "music": music(2.0),
        "loud": np.clip(4 * music(1.0), -1, 1),
        "bursts": np.clip(bursts, -1, 1).astype(np.float32),
        "silence": np.zeros(rate // 2, np.float32),
        "shorter than the look-ahead": music(0.05),
    }


def check(ours: np.ndarray, theirs: np.ndarray, rate: int) -> None:
    assert len(ours) == len(theirs)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    audible = sox.frame_levels(theirs, rate) > -140  # sox counts in 32-bit integers
    off = np.abs(sox.frame_levels(ours, rate) - sox.frame_levels(theirs, rate))[audible]
    assert off.max(initial=0.0) < 0.01


# After McFee et al. 2015: attack,decay, transfer function, gain, initial level, delay of sox.
PUBLISHED = {
    1: "0.01,1 -90,-90,-70,-70,-60,-20,0,0 -5 0 0",
    2: "0.1,0.3 -90,-90,-70,-64,-43,-37,-31,-31,-21,-21,0,-20 0 0 0.1",
    3: "0.1,0.3 -90,-90,-70,-64,-53,-47,-41,-41,-21,-21,0,-20 0 0 0.1",
    4: "0.1,0.3 -90,-90,-70,-58,-55,-43,-31,-31,-21,-21,0,-20 0 0 0.1",
    5: "0.1,0.3 -90,-90,-70,-58,-65,-53,-41,-41,-21,-21,0,-11 0 0 0.1",
    6: "0.1,0.3 -90,-90,-70,-55,-50,-35,-31,-31,-21,-21,0,-20 0 0 0.1",
}


def test_presets_are_the_published_ones() -> None:
    assert {n: " ".join(sox.arguments(settings)) for n, settings in PRESETS.items()} == PUBLISHED


@each_preset
def test_equals_what_sox_said(number: int) -> None:
    golden = json.loads(sox.GOLDEN.read_text(encoding="utf-8"))
    output = compand(sox.probe().astype(np.float64), sox.RATE, PRESETS[number])
    ours = sox.frame_levels(output, sox.RATE)[:: golden["every"]]
    np.testing.assert_allclose(ours, golden["levels_db"][str(number)], atol=0.01)


@need_sox
@each_preset
@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_equals_sox(number: int, rate: int) -> None:
    chosen = signals(rate) if rate == RATE else {"probe": sox.probe(rate)}
    for audio in chosen.values():
        ours = compand(audio.astype(np.float64), rate, PRESETS[number])
        check(ours, sox.run_sox(audio, rate, PRESETS[number]), rate)


@need_ffmpeg
@each_preset
def test_equals_ffmpeg(number: int) -> None:
    for name in ("probe", "music", "bursts"):
        audio = signals(RATE)[name]
        ours = compand(audio.astype(np.float64), RATE, PRESETS[number])
        check(ours, sox.run_ffmpeg(audio, RATE, PRESETS[number]), RATE)


@need_sox
def test_sixteen_bits_equal_sox_but_for_the_dither() -> None:
    audio = music(2.0)
    theirs = sox.run_sox(audio, RATE, PRESETS[4], sixteen=True)
    # soundfile writes 16 bits by rounding down.
    stored = np.floor(np.clip(audio, -1, 1).astype(np.float64) * 0x7FFFFFFF / 65536) / 32768
    exact = compand(stored, RATE, PRESETS[4])
    ours = to_int16_and_back(exact, np.random.RandomState(0))
    # sox rounds the knees of its curve, and draws its dither anew in each process.
    for output, knee in ((ours, 1e-3), (theirs, 0.25)):
        assert np.array_equal(output * 32768, np.rint(output * 32768))
        error = (output - exact) * 32768
        assert np.abs(error).max() <= 1.5 + knee
        # Rectangular rounding (1/12) and triangular dither (1/6): half a step.
        assert error.std() == pytest.approx(0.5, abs=0.01)


@need_sox
@pytest.mark.parametrize("number", [4, 5, 6])
def test_the_published_test_equals_sox_on_a_file(number: int) -> None:
    audio = music(2.0)
    (condition,) = resolve(f"won2020_dynamic_range:{number - 3}")
    assert condition.level == number
    ours = perturb(audio, RATE, condition, seed=0, track_id="track")
    theirs = sox.run_sox(audio, RATE, PRESETS[number], sixteen=True)
    levels = [sox.frame_levels(output, RATE) for output in (ours, theirs)]
    off = np.abs(levels[0] - levels[1])
    # Two draws of dither: half a step each, at most a step and a half, and the knees of sox.
    assert off[levels[1] > -45].max() < 0.02
    assert np.abs(ours - theirs).max() <= 3.25 / 32768


def test_settled_level_lies_on_the_curve() -> None:
    for settings in PRESETS.values():
        for level in (-85.0, -66.0, -58.0, -45.0, -33.0, -25.0, -10.0, -3.0):
            steady = np.full(8 * RATE, 10 ** (level / 20))
            faster = Compander(settings.points, 0.05, 0.05, settings.gain_db, 0.0, settings.delay)
            output = decibels(compand(steady, RATE, faster)[-1])
            inputs, outputs = np.array(settings.points).T
            assert output == pytest.approx(
                np.interp(level, inputs, outputs) + settings.gain_db, abs=1e-3
            )


def test_transfer_outside_the_points() -> None:
    points = ((-60.0, -50.0), (-20.0, -20.0))
    got = transfer(np.array([-100.0, -60.0, -40.0, -10.0, 6.0]), points)
    np.testing.assert_allclose(got, [-90.0, -50.0, -35.0, -10.0, 0.0])


def test_step_response_is_the_closed_form() -> None:
    # Every level is mapped to -60 dB, low enough never to saturate: the gain divides by the level.
    points = ((-200.0, -60.0), (0.0, -60.0))
    reader = Compander(points, attack=0.02, decay=0.1, initial_db=-40.0, delay=0.0)
    quiet, loud = 1e-4, 0.1
    audio = np.repeat([quiet, loud, quiet], RATE // 2)
    level = 1e-3 * audio / compand(audio, RATE, reader)
    n = np.arange(1, RATE // 2 + 1) / RATE
    fall = quiet + (0.01 - quiet) * np.exp(-n / 0.1)
    rise = loud + (fall[-1] - loud) * np.exp(-n / 0.02)
    again = quiet + (rise[-1] - quiet) * np.exp(-n / 0.1)
    np.testing.assert_allclose(level, np.concatenate([fall, rise, again]), rtol=1e-4)


def test_gain_looks_ahead_and_the_tail_keeps_the_last() -> None:
    points = ((-90.0, -90.0), (-40.0, -40.0), (0.0, -20.0))
    settings = Compander(points, attack=0.0, decay=10.0, initial_db=-60.0, delay=0.1)
    audio = np.full(RATE, 0.005)
    audio[RATE // 2] = 1.0  # instant attack, slow decay: the gain falls by 20 dB at this sample
    gain = decibels(compand(audio, RATE, settings) / audio)
    ahead = RATE // 10
    np.testing.assert_allclose(gain[: RATE // 2 - ahead], 0.0, atol=1e-9)
    np.testing.assert_allclose(gain[RATE // 2 - ahead], -20.0, atol=1e-9)
    assert (gain[-ahead - 1 :] == gain[-1]).all()
    assert gain[-ahead - 2] < gain[-1]


def test_edges() -> None:
    for settings in PRESETS.values():
        assert compand(np.zeros(0), RATE, settings).shape == (0,)
        assert np.isfinite(compand(np.ones(1), RATE, settings)).all()
        assert (compand(np.zeros(100), RATE, settings) == 0).all()
    # One sample: the level starts at full scale and falls by a step towards it.
    level = 1 + (0.5 - 1) * (1 - np.exp(-1 / (0.1 * RATE)))
    points = ((-90.0, -90.0), (-40.0, -40.0), (0.0, -20.0))
    gain = -20 * (1 + decibels(level) / 40)
    (one,) = compand(np.array([0.5]), RATE, Compander(points, decay=0.1))
    assert decibels(one / 0.5) == pytest.approx(gain, abs=1e-9)
    louder = Compander(((-90.0, -60.0), (0.0, 0.0)), gain_db=20.0)
    assert np.abs(compand(music(0.5).astype(np.float64), RATE, louder)).max() == 1.0
