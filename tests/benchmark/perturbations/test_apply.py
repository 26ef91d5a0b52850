"""Applying a condition, in any thread, process and order; refusing bad audio."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from benchmark.perturbations import (
    CLEAN,
    Condition,
    Perturbation,
    base,
    catalogue,
    resolve,
    warm_up,
)
from benchmark.perturbations.axis import Axis
from benchmark.perturbations.catalogue import catalogue_entry
from datamodules.common.errors import TagbenchError
from tests.support.conditions import conditions_of, perturbed
from tests.support.sounds import RATE, digest, music


def test_clean_is_the_untouched_array() -> None:
    audio = music(0.25)
    assert perturbed(audio, CLEAN) is audio


@pytest.mark.parametrize(
    ("audio", "words"),
    [
        (np.array([0.0, np.nan, np.inf], np.float32), "2 samples that are NaN or infinite"),
        (np.zeros((2, 100), np.float32), "shape (2, 100)"),
        (np.zeros(100, np.int16), "int16"),
    ],
)
def test_bad_audio_is_refused_by_track(audio: np.ndarray, words: str) -> None:
    with pytest.raises(TagbenchError) as error:
        perturbed(audio, conditions_of("pitch_up")[0], track="folder/song 7")
    assert "'folder/song 7'" in str(error.value)
    assert words in str(error.value)


@pytest.fixture
def broken() -> Iterator[str]:
    """Name of a perturbation that returns NaN; it is gone after the test."""

    class Broken(Perturbation):
        name, family, title, axis = "broken_for_test", "broken", "Broken", Axis("x", "x")
        levels = (1.0,)
        default = False

        def apply(self, audio, sample_rate, level, rng):
            return np.full_like(audio, np.nan)

    yield Broken.name
    del base.CLASSES[Broken.name]


def test_a_perturbation_that_breaks_its_audio_is_named(broken: str) -> None:
    with pytest.raises(TagbenchError, match=r"under broken_for_test:1 failed"):
        perturbed(music(0.1), catalogue_entry(broken).condition(1))


class PerturbedTracks:
    """A dataset of every condition of a few tracks, as digests of the audio."""

    def __init__(self, chosen: list[Condition], tracks: int) -> None:
        self.items = [(condition, str(track)) for condition in chosen for track in range(tracks)]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, at: int) -> tuple[str, str, str]:
        condition, track = self.items[at]
        audio = music(0.25, seed=int(track))
        return condition.label, track, digest(perturbed(audio, condition, track))


Digests = set[tuple[str, str, str]]


@pytest.fixture(scope="module")
def perturbed_tracks() -> PerturbedTracks:
    chosen = [CLEAN, *(conditions_of(name)[-1] for name in catalogue())]
    chosen += resolve("phone=compression:3>white_noise:2>pitch_up:1")
    warm_up(chosen, RATE)
    return PerturbedTracks(chosen, 3)


@pytest.fixture(scope="module")
def expected(perturbed_tracks: PerturbedTracks) -> Digests:
    digests = {perturbed_tracks[at] for at in range(len(perturbed_tracks))}
    same = 3  # one per track: the controls of pitch and tempo give equal audio
    assert len({digest for _, _, digest in digests}) == len(perturbed_tracks) - same
    return digests


def test_threads_do_not_matter(perturbed_tracks: PerturbedTracks, expected: Digests) -> None:
    order = range(len(perturbed_tracks))[::-1]
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(perturbed_tracks.__getitem__, order)) == expected


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize(
    ("workers", "start"),
    [(0, None), (2, "fork"), (1, "spawn"), pytest.param(2, "spawn", marks=pytest.mark.slow)],
)
def test_workers_order_and_start_method_do_not_matter(
    perturbed_tracks: PerturbedTracks, expected: Digests, workers: int, start: str | None
) -> None:
    import torch
    from torch.utils.data import DataLoader

    order = torch.Generator().manual_seed(workers)
    batches = DataLoader(
        perturbed_tracks, 5, shuffle=True, num_workers=workers, collate_fn=list,
        multiprocessing_context=start, generator=order,
    )  # fmt: skip
    digests = [item for batch in batches for item in batch]
    assert len(digests) == len(perturbed_tracks)
    assert set(digests) == expected
