"""The meters read known signals right, and every perturbation of the suite as it was asked."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmark.perturbations import perturb, resolve
from benchmark.perturbations.measure.effect import Effect, measure
from benchmark.perturbations.measure.loudness import _high_pass, _shelf, integrated_loudness
from benchmark.perturbations.measure.pitch import cents
from benchmark.perturbations.measure.tempo import tempo_ratio
from tests.support.sounds import RATE, music, sine


def tone(level_db: float, seconds: float, rate: int = 48_000, hertz: float = 997.0) -> np.ndarray:
    t = np.arange(int(seconds * rate)) / rate
    return 10 ** (level_db / 20) * np.sin(2 * np.pi * hertz * t)


def test_filters_are_those_of_the_standard() -> None:
    # ITU-R BS.1770-4, tables 1 and 2, at 48 kHz.
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285]
    shelf += [1.0, -1.69065929318241, 0.73248077421585]
    np.testing.assert_allclose(_shelf(48_000), shelf, atol=1e-9)
    high_pass = [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621]
    np.testing.assert_allclose(_high_pass(48_000), high_pass, atol=1e-9)


@pytest.mark.parametrize(("rate", "within"), [(48_000, 0.01), (44_100, 0.01), (16_000, 0.05)])
def test_loudness_of_the_reference_tone(rate: int, within: float) -> None:
    assert integrated_loudness(tone(0.0, 5.0, rate), rate) == pytest.approx(-3.01, abs=within)
    assert integrated_loudness(tone(-23.0, 5.0, rate), rate) == pytest.approx(-26.01, abs=within)


def test_loudness_gates_quiet_passages() -> None:
    # After EBU Tech 3341, case 3: the quiet ends do not count.
    parts = [tone(-36.0, 10.0), tone(-23.0, 20.0), tone(-36.0, 10.0)]
    assert integrated_loudness(np.concatenate(parts), 48_000) == pytest.approx(-26.01, abs=0.1)
    with_silence = np.concatenate([tone(-23.0, 10.0), np.zeros(480_000)])
    assert integrated_loudness(with_silence, 48_000) == pytest.approx(-26.01, abs=0.1)


def test_loudness_of_nothing_is_not_a_number() -> None:
    for signal in (np.zeros(0), np.zeros(48_000), tone(-90.0, 1.0)):
        assert math.isnan(integrated_loudness(signal, 48_000))
    assert integrated_loudness(tone(0.0, 0.1), 48_000) == pytest.approx(-3.0, abs=0.3)


def test_an_exact_copy_has_no_effect() -> None:
    audio = music(4.0)
    effect = measure(audio, audio, RATE)
    assert effect == Effect(0.0, 0.0, 0.0, 0.0, math.inf, effect.cents, effect.tempo_ratio)
    assert effect.cents == pytest.approx(0.0, abs=1e-3)
    assert effect.tempo_ratio == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("shift", [-250.0, -25.0, 10.0, 101.3])
def test_cents_of_exactly_shifted_chords(shift: float) -> None:
    def chords(ratio: float) -> np.ndarray:
        notes = [220.0, 277.2, 329.6, 440.0, 587.3]
        return np.concatenate(
            [
                sum(sine(f * k * ratio, 2.0) / k for k in (1, 2, 3))
                + sine(1.5 * f * ratio, 2.0, 0.1)
                for f in notes
            ]
        ).astype(np.float64)

    got = cents(chords(1.0), chords(2 ** (shift / 1200)), RATE)
    assert got == pytest.approx(shift, abs=0.5)


def test_noise_has_no_pitch_to_shift_and_a_tone_no_onsets() -> None:
    rng = np.random.RandomState(0)
    assert math.isnan(cents(rng.standard_normal(80_000), rng.standard_normal(80_000), RATE))
    assert math.isnan(tempo_ratio(rng.standard_normal(80_000), sine(440).astype(float), RATE))


@pytest.mark.parametrize("ratio", [0.75, 1.0, 1.01, 1.3])
def test_tempo_of_exactly_moved_clicks(ratio: float) -> None:
    beats = np.cumsum(np.random.RandomState(0).uniform(0.15, 0.6, 30))

    def clicks(speed: float, lag: float) -> np.ndarray:
        audio = np.zeros(int(12 * RATE / speed))
        for beat in beats[beats < 11]:
            at = int((beat / speed + lag) * RATE)
            audio[at : at + 400] = np.hanning(400)
        return audio

    # The lag of an engine is not tempo.
    assert tempo_ratio(clicks(1, 0), clicks(ratio, 0.03), RATE) == pytest.approx(ratio, rel=1e-3)


def test_the_suite_is_heard_as_it_was_asked() -> None:
    audio = music(8.0)
    for condition in resolve("all,gain", default_severities=(1, 3, 5)):
        output = perturb(audio, RATE, condition, seed=0, track_id="track")
        effect = measure(audio, output, RATE)
        asked = condition.level
        pitch = 100 * asked if condition.family == "pitch_shift" else 0.0
        assert effect.cents == pytest.approx(pitch, abs=5), condition
        rate = asked if condition.family == "time_stretch" else 1.0
        assert effect.tempo_ratio == pytest.approx(rate, rel=0.002), condition
        if condition.family == "white_noise":
            assert effect.snr_db == pytest.approx(asked, abs=0.05)
        if condition.family == "gain":
            assert effect.rms_db == pytest.approx(asked, abs=1e-4)
            assert effect.loudness_lu == pytest.approx(asked, abs=0.2)
        if condition.family == "dynamic_range_compression":
            assert effect.rms_db == pytest.approx(0.0, abs=1e-3)
            assert effect.crest_db < -1


def test_the_published_tests_are_heard_for_what_they_are() -> None:
    loud = np.clip(6 * music(4.0), -1, 1)
    for condition in resolve("won2020_dynamic_range,won2020_pitch_shift"):
        output = perturb(loud, RATE, condition, seed=0, track_id="track")
        effect = measure(loud, output, RATE)
        assert effect.loudness_lu < -1.5, condition  # a level drop, whatever its name
        if condition.family == "pitch_shift":
            assert effect.cents == pytest.approx(100 * condition.level, abs=2)


@pytest.mark.parametrize("samples", [0, 1, 100, 5_000])
def test_short_and_silent_tracks_are_measured_as_unknown(samples: int) -> None:
    silent = np.zeros(samples, np.float32)
    effect = measure(silent, silent, RATE)
    assert math.isnan(effect.rms_db)
    assert math.isnan(effect.cents)
    assert math.isnan(effect.tempo_ratio)
    measure(silent + np.float32(0.1), silent, RATE)


def test_crest_is_peak_over_rms_whatever_the_level() -> None:
    quiet = np.full(RATE, 0.003, np.float32)
    effect = measure(sine(500, amplitude=0.3), quiet, RATE)
    assert effect.crest_db == pytest.approx(-10 * math.log10(2), abs=1e-3)
    assert effect.rms_db == pytest.approx(-40 + 10 * math.log10(2), abs=1e-3)


def test_beyond_full_scale_is_a_share() -> None:
    audio = np.array([0.5, 1.5, -2.0, 1.0], np.float32)
    assert measure(audio, audio, RATE).beyond_full_scale == 0.5
