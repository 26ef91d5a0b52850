"""The published tests to the letter, against librosa and the formulas of their code."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from benchmark.perturbations import catalogue, resolve
from datamodules.common.seeding import rng_for
from tests.support.conditions import perturbed
from tests.support.sounds import RATE, cents, crest_db, frequency, music, rms_db, sine


def padded_music() -> np.ndarray:
    # Silent ends, where the reflected padding of librosa 0.7 and today's zeros agree.
    return np.pad(music(2.0), 2048)


def test_the_grid_is_taken_whole() -> None:
    grid: dict[str, list[float]] = {}
    for condition in resolve("won2020", default_severities=(1, 3)):
        assert condition.protocol == "won2020"
        grid.setdefault(condition.perturbation, []).append(condition.level)
    assert grid == {
        "won2020_time_stretch": pytest.approx([2**-0.5, 2**-0.25, 2**0.25, 2**0.5], rel=1e-8),
        "won2020_pitch_shift": [-1.0, -0.5, 0.5, 1.0],
        "won2020_dynamic_range": [4.0, 5.0, 6.0],
        "won2020_white_noise": [0.1, 0.2, 0.3, 0.4],
    }
    assert [c.label for c in resolve("won2020_pitch_shift:4")] == ["won2020_pitch_shift:4"]


def test_families_keep_the_protocols_apart() -> None:
    families = {p.family for p in catalogue().values() if p.protocol == "won2020"}
    for family in families:
        assert {c.protocol for c in resolve(family)} == {"suite"}


def test_stretch_is_librosas_phase_vocoder() -> None:
    audio = padded_music()
    for condition in resolve("won2020_time_stretch"):
        wanted = librosa.effects.time_stretch(audio, rate=condition.level)
        np.testing.assert_allclose(perturbed(audio, condition), wanted, atol=1e-6)
        assert abs(cents(frequency(perturbed(sine(440), condition)), 440)) < 1


def test_shift_is_librosas_phase_vocoder() -> None:
    audio = padded_music()
    for condition in resolve("won2020_pitch_shift"):
        wanted = librosa.effects.pitch_shift(audio, sr=RATE, n_steps=condition.level)
        np.testing.assert_allclose(perturbed(audio, condition), wanted, atol=1e-5)
        shifted = frequency(perturbed(sine(440), condition))
        assert abs(cents(shifted, 440 * 2 ** (condition.level / 12))) < 1


def test_the_vocoder_loses_level_where_the_suites_engine_does_not() -> None:
    audio = music(4.0)
    (ours,) = resolve("pitch_up:3")
    (published,) = resolve("won2020_pitch_shift:4")
    assert ours.level == published.level
    lost = [rms_db(audio) - rms_db(perturbed(audio, c)) for c in (ours, published)]
    assert lost[1] > lost[0] + 1.0


@pytest.mark.parametrize("samples", [16_000, 15_999])
def test_noise_is_the_published_mix(samples: int) -> None:
    audio = -np.abs(music(1.0))[:samples]
    audio[100] = 0.25  # the highest positive sample scales the noise, not the peak of -0.9
    for condition in resolve("won2020_white_noise"):
        r = condition.level
        noise = rng_for("perturbation", "white_noise", 0, "track").randn(samples)
        noise = np.fft.irfft(np.fft.rfft(noise))
        noise = librosa.util.normalize(noise) * audio.max()
        wanted = (1 - r) * audio[: len(noise)] + noise * r
        output = perturbed(audio, condition)
        assert len(output) == samples - samples % 2
        np.testing.assert_allclose(output, wanted, atol=1e-6)


def test_noise_ratio_depends_on_the_crest_factor() -> None:
    audio = music(4.0)
    audio *= np.sign(audio[np.abs(audio).argmax()])  # so that the peak is positive
    for condition in resolve("won2020_white_noise"):
        r = condition.level
        noise = perturbed(audio, condition).astype(np.float64) - (1 - r) * audio
        wanted = 20 * np.log10((1 - r) / r) + crest_db(noise) - crest_db(audio)
        got = rms_db((1 - r) * audio) - rms_db(noise)
        assert got == pytest.approx(wanted, abs=0.01)


def test_compression_is_mostly_a_level_drop_on_loud_music() -> None:
    loud = np.clip(6 * music(4.0), -1, 1)
    standard, light, speech = (perturbed(loud, c) for c in resolve("won2020_dynamic_range"))
    assert -14 < rms_db(standard) - rms_db(loud) < -5
    assert np.abs(standard - speech).max() < 1e-7  # two names, one condition
    assert rms_db(light) > rms_db(standard) + 1


def test_compression_input_clips_at_full_scale() -> None:
    condition = resolve("won2020_dynamic_range:1")[0]
    audio = 3 * sine(440, amplitude=1.0)
    np.testing.assert_array_equal(
        perturbed(audio, condition), perturbed(np.clip(audio, -1, 1), condition)
    )
