"""Each transform against its definition, with given parameters."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.augmentations import resolve, transforms
from benchmark.augmentations.base import Transform
from tests.support.sounds import RATE, cents, frequency, music, rms_db, sine

PERTURBED = ({"family": "time_stretch"}, {"perturbation": "won2020_white_noise"})


def make(name: str, **fields: object) -> Transform:
    return resolve([{"transform": name, **fields}]).transforms[0]


def every() -> list[Transform]:
    return [make(name) for name in transforms()] + list(resolve(PERTURBED).transforms)


def gain_db(transform: Transform, drawn: dict[str, float], hertz: float) -> float:
    tone = sine(hertz, 1.0)
    middle = slice(RATE // 4, 3 * RATE // 4)
    return rms_db(transform.apply(tone, RATE, drawn)[middle]) - rms_db(tone[middle])


@pytest.mark.parametrize("transform", every(), ids=lambda t: t.name)
def test_is_pure_and_keeps_the_length(transform: Transform):
    for audio in (music(0.4), np.zeros(500, np.float32), np.ones(1, np.float32)):
        before = audio.copy()
        drawn = transform.draw(np.random.RandomState(0))
        result = transform.apply(audio, RATE, drawn)
        assert result.dtype == np.float32
        assert result.shape == audio.shape
        assert np.isfinite(result).all()
        assert not np.shares_memory(result, audio)
        assert np.array_equal(result, transform.apply(audio, RATE, drawn))
        assert np.array_equal(audio, before)


def test_polarity_inversion():
    assert np.array_equal(make("polarity_inversion").apply(music(), RATE, {}), -music())


@pytest.mark.parametrize("ratio", [0.01, 0.4])
def test_noise_has_the_ratio_exactly(ratio: float):
    audio = music() + np.float32(0.1)  # an offset does not count as signal
    noise = make("noise").apply(audio, RATE, {"ratio": ratio, "seed": 3}) - audio.astype(np.float64)
    # Relative to the signal: the sum is rounded to single precision.
    assert abs(noise.std() / audio.astype(np.float64).std() - ratio) < 1e-6
    assert abs(np.corrcoef(noise, audio)[0, 1]) < 0.02


def test_gain_in_decibels():
    assert gain_db(make("gain"), {"decibels": -7.5}, 440) == pytest.approx(-7.5, abs=1e-4)


@pytest.mark.parametrize(("name", "sign"), [("low_pass", 4), ("high_pass", -4)])
def test_butterworth_filters(name: str, sign: int):
    transform = make(name, rolloff=12)
    for hertz in (250, 500, 1000, 2000, 4000):
        # The bilinear transform maps a frequency f to tan(pi f / rate).
        ratio = np.tan(np.pi * hertz / RATE) / np.tan(np.pi * 1000 / RATE)
        expected = -10 * np.log10(1 + ratio**sign)
        assert gain_db(transform, {"cutoff": 1000}, hertz) == pytest.approx(expected, abs=0.02)
        assert hertz != 1000 or expected == pytest.approx(-3.01, abs=0.001)
    assert np.isfinite(transform.apply(music(), RATE, {"cutoff": 9000.0})).all()  # above Nyquist


def test_high_low_pass_is_minus_six_decibels_at_the_cutoff():
    transform = make("high_low_pass")
    for low, kept, removed in ((1, 500, 2000), (0, 2000, 500)):
        drawn = {"low": low, "cutoff": 1000.0}
        assert gain_db(transform, drawn, 1000) == pytest.approx(-6.02, abs=0.05)
        assert abs(gain_db(transform, drawn, kept)) < 0.05
        assert gain_db(transform, drawn, removed) < -40
    both = [transform.apply(music(), RATE, {"low": low, "cutoff": 1000.0}) for low in (0, 1)]
    assert np.abs(both[0] + both[1] - music()).max() < 1e-6  # complementary: no delay, no phase
    assert np.array_equal(transform.apply(music(), 4000, {"low": 1, "cutoff": 2000.0}), music())


def test_delay_has_two_impulses():
    impulse = np.zeros(RATE, np.float32)
    impulse[10] = 1.0
    echo = make("delay").apply(impulse, RATE, {"milliseconds": 250.0})
    assert np.flatnonzero(echo).tolist() == [10, 10 + RATE // 4]
    assert echo[[10, 10 + RATE // 4]].tolist() == [0.5, 0.25]
    beyond = make("delay").apply(impulse[:100], RATE, {"milliseconds": 250.0})
    assert np.array_equal(beyond, impulse[:100] / 2)


@pytest.mark.parametrize("shift", [-700, -33, 120, 700])
def test_pitch_shift_of_a_sine(shift: int):
    shifted = make("pitch_shift").apply(sine(440), RATE, {"cents": shift})
    assert abs(cents(frequency(shifted), 440 * 2 ** (shift / 1200))) < 5


def test_a_stretched_crop_is_cut_or_repeated():
    transform = resolve([{"perturbation": "time_slower"}]).transforms[0]
    audio = music(1.0)
    drawn = {"member": 0, "level": 0.75, "seed": 0, "position": 0.0}
    slow = transform.members()[0][0].apply(audio, RATE, 0.75, np.random.RandomState(0))
    cut = transform.apply(audio, RATE, drawn)
    assert np.array_equal(cut, slow[: audio.size])
    last = transform.apply(audio, RATE, {**drawn, "position": np.nextafter(1.0, 0.0)})
    assert np.array_equal(last, slow[-audio.size :])
    fast = transform.apply(audio, RATE, {**drawn, "level": 1.25})
    assert np.array_equal(fast[round(audio.size / 1.25) :], fast[: audio.size // 5])
