"""Every perturbation does what its name says, by measurement, and nothing depends on how it ran."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter
from typing import Any

import numba
import numpy as np
import pytest
import soundfile
import soxr

from benchmark.kernels import compiled
from benchmark.perturbations import (
    CLEAN,
    Condition,
    Perturbation,
    base,
    catalogue,
    perturb,
    resolve,
    warm_up,
)
from benchmark.perturbations.axis import Axis
from benchmark.perturbations.catalogue import catalogue_entry
from benchmark.perturbations.dsp import transforms
from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for
from tests.support import perturbed_samples
from tests.support.sounds import (
    RATE,
    cents,
    crest_db,
    digest,
    frequency,
    level_range_db,
    music,
    rms_db,
    sine,
)

EVERY = [c for p in catalogue().values() for c in map(p.condition, range(1, len(p.levels) + 1))]

each_perturbation = pytest.mark.parametrize("name", list(catalogue()))
label = attrgetter("label")
each_condition = pytest.mark.parametrize("condition", EVERY, ids=label)


def conditions(name: str) -> list[Condition]:
    return [c for c in EVERY if c.perturbation == name]


def hear(audio: np.ndarray, condition: Condition, track: str = "track", seed: int = 0):
    return perturb(audio, RATE, condition, seed=seed, track_id=track)


# --- what is measured is what was asked ---------------------------------------------------------


@pytest.mark.parametrize("hertz", [440.0, 1000.0])
@pytest.mark.parametrize("name", ["pitch_up", "pitch_down"])
def test_pitch_lands_within_8_cents_and_keeps_length_and_level(name: str, hertz: float) -> None:
    tone = sine(hertz)
    for condition in conditions(name):
        shifted = hear(tone, condition)
        assert abs(cents(frequency(shifted), hertz * 2 ** (condition.level / 12))) < 8
        assert len(shifted) == len(tone)
        assert abs(rms_db(shifted) - rms_db(tone)) < 0.8


@pytest.mark.parametrize("hertz", [2200.0, 3000.0])
@pytest.mark.parametrize("name", ["pitch_up", "pitch_down"])
def test_high_tones_land_within_a_cent(name: str, hertz: float) -> None:
    # There the engine errs least: a shift that is off by 1 % is off by 3 cents at the end.
    for condition in conditions(name):
        shifted = frequency(hear(sine(hertz), condition))
        assert abs(cents(shifted, hertz * 2 ** (condition.level / 12))) < 1.2


@pytest.mark.parametrize("name", ["time_faster", "time_slower"])
def test_tempo_moves_by_the_rate_and_pitch_stays(name: str) -> None:
    tone = sine(440.0)
    clicks = np.zeros(6 * RATE, np.float32)
    clicks[RATE // 2 :: RATE // 4] = 1.0
    for condition in conditions(name):
        assert abs(cents(frequency(hear(tone, condition)), 440.0)) < 1
        assert abs(rms_db(hear(tone, condition)) - rms_db(tone)) < 0.8
        stretched = hear(clicks, condition)
        assert len(stretched) == round(len(clicks) / condition.level)
        wanted = np.arange(RATE // 2, 6 * RATE, RATE // 4) / condition.level
        half = int(RATE / 16 / condition.level)
        onsets = []
        for place in wanted[1:-2]:  # centroid of the energy around each click
            window = stretched[int(place) - half : int(place) + half].astype(np.float64) ** 2
            onsets.append(int(place) - half + np.average(np.arange(2 * half), weights=window))
        spacing = np.polyfit(np.arange(len(onsets)), onsets, 1)[0]
        assert spacing == pytest.approx(RATE / 4 / condition.level, rel=0.005)


@pytest.mark.parametrize("name", ["pitch_up", "pitch_down"])
def test_a_shift_moves_nothing_in_time(name: str) -> None:
    clicks = np.zeros(2 * RATE, np.float32)
    clicks[RATE // 4 :: RATE // 2] = 1.0
    for condition in conditions(name):
        energy = hear(clicks, condition).astype(np.float64) ** 2
        for place in range(RATE // 4, 2 * RATE, RATE // 2):
            centre = np.average(np.arange(-4000, 4000), weights=energy[place - 4000 : place + 4000])
            assert abs(centre) < 0.005 * RATE, condition


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
    for name, wanted in lengths.items():
        found = [catalogue_entry(name).output_samples(464_000, c.level) for c in conditions(name)]
        assert found == wanted


@pytest.mark.parametrize("samples", [464_000, 465_984, 465_279])
@pytest.mark.slow
def test_stretched_length_is_exact_for_real_lengths(samples: int) -> None:
    noise = np.random.RandomState(0).standard_normal(samples).astype(np.float32) * 0.1
    for condition in conditions("time_faster") + conditions("time_slower"):
        assert len(hear(noise, condition)) == round(samples / condition.level)


def test_noise_has_the_exact_ratio_and_one_shape_for_all_levels() -> None:
    audio = music()
    shapes = []
    for condition in conditions("white_noise"):
        noise = hear(audio, condition).astype(np.float64) - audio
        assert rms_db(audio) - rms_db(noise) == pytest.approx(condition.level, abs=1e-3)
        shapes.append(noise)
    for noise in shapes[1:]:
        assert np.corrcoef(shapes[0], noise)[0, 1] == pytest.approx(1.0, abs=1e-6)


def test_noise_is_white() -> None:
    audio = music(8.0)
    noise = hear(audio, conditions("white_noise")[2]).astype(np.float64) - audio
    bands = (np.abs(np.fft.rfft(noise)[1:]) ** 2).reshape(8, -1).mean(1)
    assert np.abs(10 * np.log10(bands / bands.mean())).max() < 0.3


def test_noise_differs_between_tracks_and_seeds() -> None:
    audio, condition = music(), conditions("white_noise")[0]
    heard = {digest(hear(audio, condition, t, s)) for t in ("a", "b") for s in (0, 1)}
    assert len(heard) == 4


def check_compression(audio: np.ndarray) -> None:
    crests = [crest_db(audio)]
    for condition in conditions("compression"):
        compressed = hear(audio, condition)
        assert rms_db(compressed) == pytest.approx(rms_db(audio), abs=1e-3)
        crests.append(crest_db(compressed))
    assert (np.diff(crests) < -0.05).all(), crests


def test_compression_keeps_rms_and_narrows_dynamics_at_every_step() -> None:
    audio = music(6.0)
    check_compression(audio)
    ranges = [level_range_db(hear(audio, c)) for c in (CLEAN, *conditions("compression"))]
    assert (np.diff(ranges) < -0.5).all(), ranges
    assert ranges[-1] < 0.6 * ranges[0]


def test_compression_lowers_the_crest_factor_of_any_signal() -> None:
    rng = np.random.RandomState(0)
    check_compression(rng.standard_normal(2 * RATE).astype(np.float32) * 0.1)
    check_compression(rng.laplace(size=2 * RATE).astype(np.float32) * 0.1)
    check_compression(music(3.0, seed=5) * 1e-3)


def test_compression_follows_its_ratio() -> None:
    quiet_then_loud = sine(500.0, 4.0) * np.repeat(np.float32([0.1, 1.0]), 2 * RATE)
    for condition in conditions("compression"):
        heard = hear(quiet_then_loud, condition)
        step = rms_db(heard[3 * RATE :]) - rms_db(heard[RATE : 2 * RATE])
        assert step == pytest.approx(20.0 / condition.level, abs=0.02)


def test_compression_rises_ahead_falls_by_its_release_and_keeps_gain_below_its_span() -> None:
    up, down = RATE, 2 * RATE
    audio = np.full(4 * RATE, 1e-4, np.float32)  # 80 dB below the loud second
    audio[up:down] = 1.0
    for condition in conditions("compression"):
        share = 1 - 1 / condition.level
        gain = 20 * np.log10(hear(audio, condition).astype(np.float64) / audio)
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


def test_gain_is_exact() -> None:
    audio = music()
    for condition in conditions("gain"):
        np.testing.assert_allclose(
            hear(audio, condition), audio * 10 ** (condition.level / 20), rtol=1e-6
        )


@pytest.mark.parametrize("condition", [c for c in EVERY if c.protocol == "suite"], ids=label)
def test_the_suite_neither_clips_nor_knows_full_scale(condition: Condition) -> None:
    audio = music(0.5)
    quiet, loud = hear(audio / np.float32(8), condition), hear(audio * np.float32(8), condition)
    # The engine keeps levels, not samples: its phases depend on a noise floor of its own.
    assert rms_db(loud) - rms_db(quiet) == pytest.approx(20 * np.log10(64), abs=0.2)
    assert np.abs(loud).max() > 1 or condition.level < -12


# --- the contract of every perturbation ---------------------------------------------------------


@each_condition
def test_result_is_finite_float32_of_the_declared_length_and_repeats(condition: Condition) -> None:
    audio = music()
    before = audio.copy()
    audio.setflags(write=False)
    rng = rng_for("perturbation", condition.family, 0, "track")
    perturbation = catalogue_entry(condition.perturbation)
    first = perturbation.apply(audio, RATE, condition.level, rng)
    assert first.dtype == np.float32
    assert first.shape == (perturbation.output_samples(len(audio), condition.level),)
    assert np.isfinite(first).all()
    assert np.array_equal(audio, before)
    assert not np.shares_memory(first, audio)
    assert not np.array_equal(first[: len(audio)], audio[: len(first)])
    assert np.array_equal(hear(audio, condition), first)


@each_perturbation
@pytest.mark.parametrize("samples", [0, 1, 2, 100])
def test_short_and_silent_tracks_survive(name: str, samples: int) -> None:
    perturbation = catalogue_entry(name)
    for condition in conditions(name)[::2]:
        for audio in (np.full(samples, 0.5, np.float32), np.zeros(samples, np.float32)):
            heard = hear(audio, condition)
            assert heard.shape == (perturbation.output_samples(samples, condition.level),)
            assert np.isfinite(heard).all()


@each_perturbation
def test_silence_stays_silent(name: str) -> None:
    heard = hear(np.zeros(RATE, np.float32), conditions(name)[-1])
    assert np.abs(heard).max() < 5e-5  # the dither of a 16-bit file at most


@each_perturbation
def test_layout_and_precision_of_the_input_do_not_matter(name: str, tmp_path) -> None:
    audio, condition = music(0.5), conditions(name)[-1]
    wanted = digest(hear(audio, condition))
    np.save(tmp_path / "audio.npy", audio)
    strided = np.stack([audio, -audio], axis=1)[:, 0]
    assert not strided.flags.c_contiguous
    for other in (
        np.load(tmp_path / "audio.npy", mmap_mode="r"),
        audio.astype(np.float64),
        strided,
        audio[::-1][::-1],
    ):
        assert digest(hear(other, condition)) == wanted


@each_perturbation
def test_global_generators_are_neither_used_nor_moved(name: str) -> None:
    audio, condition = music(0.5), conditions(name)[0]
    heard = set()
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002  # the generator that must not matter
        before = random.getstate(), repr(np.random.get_state())  # noqa: NPY002
        heard.add(digest(hear(audio, condition)))
        assert (random.getstate(), repr(np.random.get_state())) == before  # noqa: NPY002
    assert len(heard) == 1


@each_perturbation
def test_a_condition_survives_json(name: str) -> None:
    audio = music(0.25)
    for condition in conditions(name):
        again = Condition.from_labels(json.loads(json.dumps(condition.labels())))
        assert again == condition
        assert digest(hear(audio, again)) == digest(hear(audio, condition))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("AddNoiseSNR", {"snr_db": 7.5, "noise_seed": 2**32 - 1}),
        ("RelativeCompressor", {"ratio": 3.0}),
    ],
)
def test_a_transform_of_ours_is_serialised_as_those_of_its_library(
    name: str, arguments: dict[str, float]
) -> None:
    kind, audio = getattr(transforms, name), music(0.5)
    first = kind(**arguments)
    wanted = first(audio, RATE)
    facts = json.loads(json.dumps(first.to_dict()))["transform"]
    assert facts.pop("__class_fullname__") == f"{transforms.__name__}.{name}"
    assert arguments.items() <= facts.items()
    assert json.loads(json.dumps(first.parameters)).items() >= arguments.items()
    assert digest(kind(**facts)(audio, RATE)) == digest(wanted)


@each_perturbation
def test_identity_names_the_engine_and_is_json(name: str) -> None:
    identity = catalogue_entry(name).identity()
    assert json.loads(json.dumps(identity)) == identity
    assert identity["name"] == name
    assert set(identity["engine"]) == set(catalogue_entry(name).engine)


@each_perturbation
def test_it_sounds_as_it_did(name: str) -> None:
    # Different audio needs another revision: raise it, then run
    # python -m tests.support.perturbed_samples.
    perturbation = catalogue_entry(name)
    stored = json.loads(perturbed_samples.GOLDEN.read_text(encoding="utf-8"))
    assert name in stored, "not stored yet: python -m tests.support.perturbed_samples"
    golden = stored[name]
    if golden["identity"]["engine"] != perturbation.identity()["engine"]:
        pytest.skip("another version of its engine, and another identity")
    assert golden["identity"] == perturbation.identity()
    assert golden["levels"] == list(perturbation.levels)
    for condition, wanted in zip(conditions(name), golden["heard"], strict=True):
        np.testing.assert_allclose(perturbed_samples.probe(condition), wanted, atol=1e-4)


class Hearings:
    """What a DataLoader draws from: every condition of a few tracks, as digests."""

    def __init__(self, chosen: list[Condition], tracks: int) -> None:
        self.items = [(condition, str(track)) for condition in chosen for track in range(tracks)]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, at: int) -> tuple[str, str, str]:
        condition, track = self.items[at]
        return condition.label, track, digest(hear(music(0.25, seed=int(track)), condition, track))


Found = set[tuple[str, str, str]]


@pytest.fixture(scope="module")
def hearings() -> Hearings:
    chosen = [CLEAN, *(conditions(name)[-1] for name in catalogue())]
    chosen += resolve("phone=compression:3>white_noise:2>pitch_up:1")
    warm_up(chosen, RATE)
    return Hearings(chosen, 3)


@pytest.fixture(scope="module")
def wanted(hearings: Hearings) -> Found:
    found = {hearings[at] for at in range(len(hearings))}
    same = 3  # at rest, the engine does to tempo what it does to pitch
    assert len({h for _, _, h in found}) == len(hearings) - same
    return found


def test_threads_do_not_matter(hearings: Hearings, wanted: Found) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(hearings.__getitem__, range(len(hearings))[::-1])) == wanted


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize(
    ("workers", "start"),
    [(0, None), (2, "fork"), (1, "spawn"), pytest.param(2, "spawn", marks=pytest.mark.slow)],
)
def test_workers_order_and_start_method_do_not_matter(
    hearings: Hearings, wanted: Found, workers: int, start: str | None
) -> None:
    import torch
    from torch.utils.data import DataLoader

    order = torch.Generator().manual_seed(workers)
    batches = DataLoader(
        hearings, 5, shuffle=True, num_workers=workers, collate_fn=list,
        multiprocessing_context=start, generator=order,
    )  # fmt: skip
    found = [item for batch in batches for item in batch]
    assert len(found) == len(hearings)
    assert set(found) == wanted


def test_kernels_compile_where_nothing_can_be_written() -> None:
    space: dict[str, Any] = {}
    exec("def double(x):\n    return 2 * x", space)  # no file, no folder beside it
    with pytest.raises(RuntimeError, match="cannot cache"):
        numba.njit(cache=True)(space["double"])
    assert compiled(space["double"])(21) == 42


# --- refusing ----------------------------------------------------------------------------------


def test_clean_is_the_untouched_array() -> None:
    audio = music(0.25)
    assert hear(audio, CLEAN) is audio


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
        hear(audio, conditions("pitch_up")[0], track="folder/song 7")
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
        hear(music(0.1), catalogue_entry(broken).condition(1))
