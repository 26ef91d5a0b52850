"""Chains: names and errors, distributions of the draws, and equal bytes in every process."""

from __future__ import annotations

import multiprocessing as mp
import pickle
from collections import defaultdict

import numpy as np
import pytest

from benchmark.augmentations import Chain, resolve
from benchmark.experiment_files import names
from datamodules.common.canonical_json import canonical_json
from datamodules.common.errors import TagbenchError
from tests.support.sounds import RATE, digest, music

N_KEYS = 2000

# architectures.md, table of augmentations: probabilities of the published chains.
ORDER = (
    *("polarity_inversion", "noise", "gain", "high_low_pass"),
    *("delay", "pitch_shift", "reverb"),
)
PUBLISHED = {
    "clmr": (0.8, 0.01, 0.3, 0.8, 0.3, 0.6, 0.6),
    "mtt": (0.8, 0.3, 0.2, 0.8, 0.5, 0.4, 0.3),
    "clmr_notebook": (0.8, 0.1, 0.3, 0.6, 0.4, 0.4, 0.4),
}


def draws(chain: Chain) -> dict[str, list[dict[str, float]]]:
    """Return the parameters of 2,000 crops by transform."""
    found = defaultdict(list)
    for number in range(N_KEYS):
        for transform, drawn in chain.draw(0, number % 7, f"track {number // 7}", 0):
            found[transform.name].append(drawn)
    return found


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_chains(name: str):
    chain = resolve(name)
    assert [(t.name, t.p) for t in chain.transforms] == list(
        zip(ORDER, PUBLISHED[name], strict=True)
    )
    drawn = draws(chain)
    for transform, p in zip(ORDER, PUBLISHED[name], strict=True):
        deviation = np.sqrt(N_KEYS * p * (1 - p))
        assert abs(len(drawn[transform]) - N_KEYS * p) < 4 * deviation, transform
    for value in ("reverberance", "damping", "room"):
        assert {round(d[value]) for d in drawn["reverb"]} == set(range(100))
    assert {d["milliseconds"] for d in drawn["delay"]} == {200, 250, 300, 350, 400, 450}
    low, high = (0.3, 0.5) if name == "mtt" else (1e-4, 1e-2)
    check_uniform([d["ratio"] for d in drawn["noise"]], low, high)
    check_uniform([d["decibels"] for d in drawn["gain"]], -20, -1)
    check_uniform([d["cents"] for d in drawn["pitch_shift"]], -700, 700)
    filters = drawn["high_low_pass"]
    assert 0.45 < np.mean([d["low"] for d in filters]) < 0.55
    check_uniform([d["cutoff"] for d in filters if d["low"]], 2200, 4000)
    check_uniform([d["cutoff"] for d in filters if not d["low"]], 200, 1200)


def check_uniform(values: list[float], low: float, high: float) -> None:
    share = (np.sort(values) - low) / (high - low)
    assert share[0] >= 0
    assert share[-1] <= 1
    even = (np.arange(len(values)) + 0.5) / len(values)
    assert np.abs(share - even).max() < 2.0 / np.sqrt(len(values))  # Kolmogorov and Smirnov: 7e-4


def test_levels_of_perturbations():
    chain = resolve(
        [
            {"perturbation": "white_noise", "levels": [10, 40], "p": 0.5},
            {"perturbation": "time_faster", "levels": [1, 2]},
            {"perturbation": "won2020_dynamic_range", "levels": [5, 6]},
            "family:pitch_shift",
        ]
    )
    noise, tempo, presets, pitch = chain.transforms
    rng = np.random.RandomState(0)
    sample = {t: [t.draw(rng) for _ in range(N_KEYS)] for t in (noise, tempo, presets, pitch)}
    check_uniform([d["level"] for d in sample[noise]], 10, 40)
    check_uniform([np.log2(d["level"]) for d in sample[tempo]], 0, 1)
    assert {d["level"] for d in sample[presets]} == {5.0, 6.0}
    assert pitch.p == 0.5
    members = [member.name for member, _ in pitch.members()]
    assert sorted(members) == ["pitch_down", "pitch_up"]
    for index, bounds in enumerate([bounds for _, bounds in pitch.members()]):
        levels = [d["level"] for d in sample[pitch] if d["member"] == index]
        assert 0.45 < len(levels) / N_KEYS < 0.55
        check_uniform(levels, *bounds)


def _digests(pickled: bytes, keys: list[tuple[int | str, ...]]) -> list[str]:
    chain = pickle.loads(pickled)
    return [digest(chain(music(0.5), RATE, *key)) for key in keys]


def test_a_spawned_process_in_another_order_gives_the_same_bytes():
    chain = resolve(["clmr", "family:time_stretch"])
    keys = [(0, epoch, f"track {track}", 0) for epoch in range(2) for track in range(4)]
    here = _digests(pickle.dumps(chain), keys)
    assert len(set(here)) == len(keys)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    with mp.get_context("spawn").Pool(1) as pool:
        there = pool.apply(_digests, (pickle.dumps(chain), keys[::-1]))
    assert there[::-1] == here
    assert _digests(pickle.dumps(chain), keys) == here
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_the_audio_is_not_modified_and_may_be_read_only():
    audio = music(0.3)
    audio.flags.writeable = False
    result = resolve("mtt")(audio, RATE, 1)
    assert not np.array_equal(result, audio)
    nothing = resolve([{"transform": "gain", "p": 0}])(audio, RATE, 1)
    assert np.array_equal(nothing, audio)
    assert not np.shares_memory(nothing, audio)
    assert resolve("clmr")(audio[:0], RATE, 1).shape == (0,)


def test_audio_that_cannot_be_augmented_is_named():
    chain = resolve("clmr")
    broken = np.array([0.0, np.nan], np.float32)
    with pytest.raises(TagbenchError, match=r"crop \(0, 't1'\): the audio has 1 samples that"):
        chain(broken, RATE, 0, "t1")
    with pytest.raises(TagbenchError, match="got float64 of shape"):
        chain(np.zeros(5), RATE, 0)


def test_identity_states_everything_but_the_name():
    text = canonical_json(resolve("mtt").identity())
    assert '"ratio":[0.3,0.5]' in text
    assert '"python-stretch"' in text
    as_list = resolve([{"transform": "gain", "decibels": [-6, 0], "p": 0.5}])
    other = resolve([{"transform": "gain", "decibels": [-6.0, -1.0], "p": 0.5}])
    assert as_list.identity() != other.identity()
    family = resolve("family:pitch_shift").identity()["transforms"][0]
    assert [member["levels"] for member in family["members"]] == [[-3.0, -0.25], [0.25, 3.0]]


def test_every_shipped_file_resolves():
    assert set(names("augmentations")) >= set(PUBLISHED)
    for name in names("augmentations"):
        chain = resolve(name)
        chain.warm_up(RATE)
        assert canonical_json(chain.identity())


def test_a_chain_of_a_user_is_a_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("transforms: [{perturbation: pitch_up, levels: [0.5, 2], p: 0.4}]\n")
    assert resolve(str(path)) == resolve(
        [{"perturbation": "pitch_up", "levels": [0.5, 2.0], "p": 0.4}]
    )
    path.write_text("transforms: [{transform: gain}, {transform: delay, volum: 0.2}]\n")
    with pytest.raises(TagbenchError, match=r"mine.yaml: transforms\[1\].*'volum'.*'volume'"):
        resolve(str(path))


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ("clrm", "augmentation 'clrm'. Did you mean 'clmr'"),
        ("family:pitch", "Did you mean 'pitch_shift'"),
        ([{"transform": "nois"}], r"'nois' in augment\[0\]. Did you mean 'noise'"),
        (["clmr", {"perturbation": "pich_up"}], r"'pich_up' in augment\[1\]. Did you mean"),
        ([{"p": 0.5}], "expected one of the keys transform, perturbation, family; found p"),
        ([{"transform": "gain", "p": 1.5}], r"augment\[0\]: p: .* less than or equal to 1"),
        ([{"transform": "gain", "decibels": [0, -6]}], "low <= high, found"),
        ([{"transform": "gain", "decibels": "-6"}], "decibels: expected a list"),
        ([{"transform": "low_pass", "rolloff": 10}], "rolloff: .* multiple of 6"),
        ([{"perturbation": "time_slower", "levels": [0.3, 1]}], "rate of 0.3"),
        ([{"perturbation": "time_slower", "levels": [0, 1]}], "time_slower above 0"),
        ([{"perturbation": "won2020_dynamic_range", "levels": [7, 8]}], "around one or more of"),
        ([], "at least one transform"),
    ],
)
def test_errors_name_the_place_and_the_nearest_name(selection, message: str):
    with pytest.raises(TagbenchError, match=message):
        resolve(selection)
