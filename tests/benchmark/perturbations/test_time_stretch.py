"""Measured tempo and length of stretched audio against the requested rates."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.perturbations import catalogue
from benchmark.perturbations.catalogue import catalogue_entry
from datamodules.common.errors import TagbenchError
from tests.support.conditions import conditions_of, perturbed
from tests.support.sounds import RATE, cents, frequency, music, rms_db, sine


@pytest.mark.parametrize("name", ["time_faster", "time_slower"])
def test_tempo_moves_by_the_rate_and_pitch_stays(name: str) -> None:
    tone = sine(440.0)
    clicks = np.zeros(6 * RATE, np.float32)
    clicks[RATE // 2 :: RATE // 4] = 1.0
    for condition in conditions_of(name):
        assert abs(cents(frequency(perturbed(tone, condition)), 440.0)) < 1
        assert abs(rms_db(perturbed(tone, condition)) - rms_db(tone)) < 0.8
        stretched = perturbed(clicks, condition)
        assert len(stretched) == round(len(clicks) / condition.level)
        wanted = np.arange(RATE // 2, 6 * RATE, RATE // 4) / condition.level
        half = int(RATE / 16 / condition.level)
        onsets = []
        for place in wanted[1:-2]:  # centroid of the energy around each click
            window = stretched[int(place) - half : int(place) + half].astype(np.float64) ** 2
            onsets.append(int(place) - half + np.average(np.arange(2 * half), weights=window))
        spacing = np.polyfit(np.arange(len(onsets)), onsets, 1)[0]
        assert spacing == pytest.approx(RATE / 4 / condition.level, rel=0.005)


def test_rates_at_which_the_engine_is_random_are_refused() -> None:
    slow = catalogue_entry("time_slower")
    with pytest.raises(TagbenchError, match="no two runs give the same audio"):
        slow.apply(music(0.1), RATE, 0.45, np.random.RandomState(0))
    for perturbation in catalogue().values():
        if perturbation.unit == "rate":
            assert min(perturbation.levels) >= 0.5


def test_a_clip_of_29_seconds_has_the_lengths_of_its_rates() -> None:
    lengths = {
        "time_faster": [432_927, 403_935, 376_885, 351_646, 328_098],
        "time_slower": [497_303, 532_996, 571_251, 612_252, 656_195],
    }
    for name, expected in lengths.items():
        stretch = catalogue_entry(name)
        assert [stretch.output_samples(464_000, c.level) for c in conditions_of(name)] == expected


@pytest.mark.parametrize("samples", [464_000, 465_984, 465_279])
@pytest.mark.slow
def test_stretched_length_is_exact_for_real_lengths(samples: int) -> None:
    noise = np.random.RandomState(0).standard_normal(samples).astype(np.float32) * 0.1
    for condition in conditions_of("time_faster") + conditions_of("time_slower"):
        assert len(perturbed(noise, condition)) == round(samples / condition.level)
