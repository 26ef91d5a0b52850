"""Each control changes the one thing that it isolates, as much as what it controls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import welch

from benchmark.perturbations import perturb, resolve
from tests.support.conditions import perturbed
from tests.support.sounds import RATE, cents, frequency, music, rms_db, sine


def spectrum_db(audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    frequencies, power = welch(audio.astype(np.float64), RATE, "blackmanharris", 4096)
    return frequencies, 10 * np.log10(power)


def test_low_pass_has_the_levels_of_pitch_down() -> None:
    for low, down in zip(resolve("control_low_pass"), resolve("pitch_down"), strict=True):
        assert low.level == pytest.approx(8000 * 2 ** (down.level / 12), abs=1e-3)
        assert low.severity == down.severity
        assert (low.protocol, low.unit) == ("controls", "Hz")


def test_low_pass_leaves_the_band_that_pitch_down_leaves() -> None:
    noise = (0.1 * np.random.RandomState(0).standard_normal(8 * RATE)).astype(np.float32)
    frequencies, clean = spectrum_db(noise)
    for low, down in zip(resolve("control_low_pass"), resolve("pitch_down"), strict=True):
        filtered, shifted = (spectrum_db(perturbed(noise, c))[1] - clean for c in (low, down))
        inside, outside = frequencies < low.level - 40, frequencies > low.level + 40
        assert np.abs(filtered[inside][1:]).max() < 0.05
        for output in (filtered, shifted):
            assert output[outside].max() < -60
        edge = np.abs(frequencies - low.level).argmin()
        assert abs(filtered[edge] - shifted[edge]) < 5


def test_low_pass_shifts_nothing_and_delays_nothing() -> None:
    for condition in resolve("control_low_pass"):
        assert abs(cents(frequency(perturbed(sine(1000), condition)), 1000)) < 0.01
        click = np.zeros(4001, np.float32)
        click[2000] = 1
        output = perturbed(click, condition)
        assert np.abs(output).argmax() == 2000
        np.testing.assert_allclose(output, output[::-1], atol=1e-7)


def test_low_pass_beyond_the_band_is_a_copy() -> None:
    audio = music(0.5)
    (condition,) = resolve("control_low_pass:1")
    output = perturb(audio, 8_000, condition, seed=0, track_id="track")
    np.testing.assert_array_equal(output, audio)


@pytest.mark.parametrize("loudness", [0.05, 1.0, 6.0])
def test_gain_is_that_of_the_published_compander_and_nothing_else(loudness: float) -> None:
    audio = np.clip(loudness * music(4.0), -1, 1)
    pairs = zip(resolve("control_gain"), resolve("won2020_dynamic_range"), strict=True)
    for control, published in pairs:
        assert (control.level, control.severity) == (published.level, published.severity)
        output = perturbed(audio, control)
        assert rms_db(output) == pytest.approx(rms_db(perturbed(audio, published)), abs=0.01)
        gain = float(output @ audio) / float(audio @ audio)
        np.testing.assert_allclose(output, gain * audio, atol=1e-6)


def test_gain_of_a_track_below_sixteen_bits_is_a_number() -> None:
    for condition in resolve("control_gain"):
        output = perturbed(np.full(RATE, 3e-6, np.float32), condition)
        assert np.isfinite(output).all()


def test_the_engines_alone_change_neither_pitch_nor_tempo_nor_level() -> None:
    audio = music(4.0)
    pitch, tempo = resolve("control_pitch_engine,control_tempo_engine")
    np.testing.assert_array_equal(perturbed(audio, pitch), perturbed(audio, tempo))
    for condition in (pitch, tempo):
        output = perturbed(audio, condition)
        assert len(output) == len(audio)
        assert abs(rms_db(output) - rms_db(audio)) < 0.1
        assert rms_db(audio) - rms_db(output - audio) < 60  # not the identity: the ends fade
        inner = slice(RATE // 2, -RATE // 2)
        np.testing.assert_allclose(output[inner], audio[inner], atol=1e-6)
        assert abs(cents(frequency(perturbed(sine(440), condition)), 440)) < 4


def test_the_vocoder_alone_is_the_published_engine_at_the_mildest_shift_of_the_suite() -> None:
    (control,), (mildest,) = resolve("control_pitch_vocoder"), resolve("pitch_up:1")
    (published,) = resolve("won2020_pitch_shift:3")
    assert (control.level, control.unit) == (mildest.level, published.unit)
    assert cents(frequency(perturbed(sine(440), control)), 440) == pytest.approx(25, abs=2)
    audio = music(2.0)
    same = replace(published, level=control.level)
    np.testing.assert_array_equal(perturbed(audio, control), perturbed(audio, same))
