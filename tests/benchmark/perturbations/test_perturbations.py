"""The contract of every perturbation in the catalogue."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from benchmark.perturbations import Condition
from benchmark.perturbations.catalogue import catalogue_entry
from datamodules.common.seeding import rng_for
from tests.support import perturbed_samples
from tests.support.conditions import (
    ALL_CONDITIONS,
    condition_label,
    conditions_of,
    each_condition,
    each_perturbation,
    perturbed,
)
from tests.support.sounds import RATE, digest, music, rms_db

SUITE_CONDITIONS = [c for c in ALL_CONDITIONS if c.protocol == "suite"]


@pytest.mark.parametrize("condition", SUITE_CONDITIONS, ids=condition_label)
def test_the_suite_neither_clips_nor_depends_on_full_scale(condition: Condition) -> None:
    audio = music(0.5)
    quiet = perturbed(audio / np.float32(8), condition)
    loud = perturbed(audio * np.float32(8), condition)
    # The engine keeps levels, not samples: its phases depend on a noise floor of its own.
    assert rms_db(loud) - rms_db(quiet) == pytest.approx(20 * np.log10(64), abs=0.2)
    assert np.abs(loud).max() > 1 or condition.level < -12


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
    assert np.array_equal(perturbed(audio, condition), first)


@each_perturbation
@pytest.mark.parametrize("samples", [0, 1, 2, 100])
def test_short_and_silent_tracks_are_accepted(name: str, samples: int) -> None:
    perturbation = catalogue_entry(name)
    for condition in conditions_of(name)[::2]:
        for audio in (np.full(samples, 0.5, np.float32), np.zeros(samples, np.float32)):
            result = perturbed(audio, condition)
            assert result.shape == (perturbation.output_samples(samples, condition.level),)
            assert np.isfinite(result).all()


@each_perturbation
def test_silence_stays_silent(name: str) -> None:
    result = perturbed(np.zeros(RATE, np.float32), conditions_of(name)[-1])
    assert np.abs(result).max() < 5e-5  # the dither of a 16-bit file at most


@each_perturbation
def test_layout_and_precision_of_the_input_do_not_matter(name: str, tmp_path) -> None:
    audio, condition = music(0.5), conditions_of(name)[-1]
    wanted = digest(perturbed(audio, condition))
    np.save(tmp_path / "audio.npy", audio)
    strided = np.stack([audio, -audio], axis=1)[:, 0]
    assert not strided.flags.c_contiguous
    for other in (
        np.load(tmp_path / "audio.npy", mmap_mode="r"),
        audio.astype(np.float64),
        strided,
        audio[::-1][::-1],
    ):
        assert digest(perturbed(other, condition)) == wanted


@each_perturbation
def test_global_generators_are_neither_used_nor_advanced(name: str) -> None:
    audio, condition = music(0.5), conditions_of(name)[0]
    digests = set()
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002  # the generator that must not matter
        before = random.getstate(), repr(np.random.get_state())  # noqa: NPY002
        digests.add(digest(perturbed(audio, condition)))
        assert (random.getstate(), repr(np.random.get_state())) == before  # noqa: NPY002
    assert len(digests) == 1


@each_perturbation
def test_a_condition_survives_json(name: str) -> None:
    audio = music(0.25)
    for condition in conditions_of(name):
        again = Condition.from_labels(json.loads(json.dumps(condition.labels())))
        assert again == condition
        assert digest(perturbed(audio, again)) == digest(perturbed(audio, condition))


@each_perturbation
def test_identity_names_the_engine_and_is_json(name: str) -> None:
    identity = catalogue_entry(name).identity()
    assert json.loads(json.dumps(identity)) == identity
    assert identity["name"] == name
    assert set(identity["engine"]) == set(catalogue_entry(name).engine)


@each_perturbation
def test_audio_equals_the_stored_samples(name: str) -> None:
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
    for condition, wanted in zip(conditions_of(name), golden["samples"], strict=True):
        np.testing.assert_allclose(perturbed_samples.probe(condition), wanted, atol=1e-4)
