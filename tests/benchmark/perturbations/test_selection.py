"""Naming perturbations: what a selection means, and what a wrong one is told."""

from __future__ import annotations

import subprocess
import sys
from operator import attrgetter

import numpy as np
import pytest

from benchmark.perturbations import LEVEL_NAMES, PROFILES, Perturbation, catalogue, resolve
from benchmark.perturbations.axis import Axis
from datamodules.common.errors import TagbenchError

SUITE = ("pitch_up", "pitch_down", "time_faster", "time_slower", "white_noise", "compression")


def test_the_four_families_in_five_named_levels() -> None:
    assert {c.perturbation for c in resolve("all")} == set(SUITE)
    assert len(resolve("all")) == 30
    for name in (*SUITE, "gain"):
        levels = catalogue()[name].levels
        assert len(levels) == len(LEVEL_NAMES)
        steps = np.diff(np.array(levels))
        assert (steps > 0).all() or (steps < 0).all()


LADDERS = {
    "pitch_up": (0.25, 0.5, 1.0, 2.0, 3.0),
    "pitch_down": (-0.25, -0.5, -1.0, -2.0, -3.0),
    "time_faster": (1.071773463, 1.148698355, 1.231144413, 1.319507911, 1.414213562),
    "time_slower": (0.933032992, 0.870550563, 0.812252396, 0.757858283, 0.707106781),
    "white_noise": (30.0, 22.5, 15.0, 7.5, 0.0),
    "compression": (1.5, 2.0, 3.0, 5.0, 10.0),
    "gain": (-3.0, -6.0, -12.0, -18.0, -24.0),
}


@pytest.mark.parametrize("name", LADDERS)
def test_levels_are_those_of_the_readme(name: str) -> None:
    assert catalogue()[name].levels == LADDERS[name]
    assert [c.level for c in resolve(name)] == list(LADDERS[name])
    assert [c.severity for c in resolve(name)] == [1, 2, 3, 4, 5]


severity = attrgetter("severity")


def labels(selection: object, **options: object) -> list[str]:
    return [c.label for c in resolve(selection, **options)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("selection", "wanted"),
    [
        ("pitch_up:3", ["pitch_up:3"]),
        ("pitch_up:moderate", ["pitch_up:3"]),
        ("white_noise:1+extreme", ["white_noise:1", "white_noise:5"]),
        ("pitch_shift:2", ["pitch_down:2", "pitch_up:2"]),
        (["dynamic_range_compression:5", "compression:5+1"], ["compression:1", "compression:5"]),
        (" white_noise:1 , pitch_up:1", ["pitch_up:1", "white_noise:1"]),
        ("clean", ["clean"]),
        ("pitch_up:1,clean", ["clean", "pitch_up:1"]),
        ("control_low_pass:2,gain:1", ["gain:1", "control_low_pass:2"]),
        ("compression:3>white_noise:2", ["compression:3>white_noise:2"]),
        ("gain:strong > gain:1", ["gain:4>gain:1"]),
        (
            ["b=gain:1>gain:2", "a=gain:2>gain:1", "gain:5"],
            ["gain:5", "b=gain:1>gain:2", "a=gain:2>gain:1"],
        ),
        ([], []),
    ],
)
def test_selection(selection: object, wanted: list[str]) -> None:
    assert labels(selection) == wanted


def test_default_severities_apply_where_none_is_named() -> None:
    assert labels("white_noise,pitch_up:2", default_severities=(1, 5)) == [
        "pitch_up:2",
        "white_noise:1",
        "white_noise:5",
    ]


def test_profiles_are_fixed_lists() -> None:
    profiles = {name: resolve(name, default_severities=(2,)) for name in PROFILES}
    assert {name: len(profile) for name, profile in profiles.items()} == {
        "quick": 21, "core": 20, "full": 35,
    }  # fmt: skip
    assert {c.severity for c in profiles["quick"]} == {1, 3, 5}
    assert profiles["full"] == resolve([*SUITE, "gain"])
    assert set(profiles["full"]) <= set(resolve("suite"))
    pairs = [(c.family, c.severity) for c in profiles["core"]]
    assert len(set(pairs)) == 20  # one condition a family and severity
    assert all(c.protocol == "suite" for c in profiles["full"])
    signs = {
        family: "".join("+" if c.perturbation in up else "-" for c in turns)
        for family, up in (("pitch_shift", "pitch_up"), ("time_stretch", "time_faster"))
        for turns in [sorted((c for c in profiles["core"] if c.family == family), key=severity)]
    }
    assert signs == {"pitch_shift": "+-+-+", "time_stretch": "+-+-+"}


def test_protocols_beside_the_suite_are_taken_whole() -> None:
    assert len(resolve("won2020", default_severities=(1,))) == 15
    controls = resolve("controls", default_severities=(1,))
    assert [c.label for c in controls if c.family != "low_pass"] == [
        "control_gain:1", "control_gain:2", "control_gain:3",
        "control_pitch_engine:1", "control_pitch_vocoder:1", "control_tempo_engine:1",
    ]  # fmt: skip
    assert len(controls) == 11
    assert resolve("core,controls")[:20] == resolve("core")


def test_condition_carries_level_and_unit() -> None:
    (condition,) = resolve("time_slower:extreme")
    assert condition.level == pytest.approx(2**-0.5)
    assert (condition.family, condition.severity, condition.unit) == ("time_stretch", 5, "rate")


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ("pich_up", "Did you mean 'pitch_up'?"),
        ("white_noise:modrate", "Did you mean 'moderate'?"),
        ("white_noise:6", "Unknown level of white_noise '6'"),
        ("white_noise:0", "Unknown level"),
        ("white_noise:", "Unknown level"),
        ("", "Unknown perturbation ''"),
        ("clean:2", "Unknown perturbation"),
        ("cor", "Did you mean 'core'?"),
        ("core:3", "the profile core has severities of its own"),
        ("gain>white_noise:1", "'gain' is 5 conditions"),
        ("core>gain:1", "'core' is 20 conditions"),
        ("gain:1>clean", "'clean' is clean"),
        ("gain:1>", "Unknown perturbation ''"),
        ("gain:1>gane:2", "Did you mean 'gain'?"),
        ("loud=gain:1", "two links or more"),
        ("core=gain:1>gain:2", "'core' cannot name a chain"),
        ("won2020=gain:1>gain:2", "'won2020' cannot name a chain"),
        ("=gain:1>gain:2", "'' cannot name a chain"),
        ("a=gain:1>gain:2,a=gain:2>gain:1", "each name one chain"),
        ("a=gain:1>gain:2,b=gain:1>gain:2", "each chain one name"),
    ],
)
def test_wrong_names_are_refused_with_the_nearest(selection: str, words: str) -> None:
    with pytest.raises(TagbenchError) as error:
        resolve(selection)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"axis": None}, "declares no axis"),
        ({"levels": ()}, "levels must be distinct"),
        ({"levels": (1.0, 1.0)}, "levels must be distinct"),
        ({"name": "all"}, "'all' cannot be its name"),
        ({"name": "a:b"}, "'a:b' cannot be its name"),
        ({"name": "a>b"}, "'a>b' cannot be its name"),
        ({"name": "core"}, "'core' cannot be its name"),
        ({"name": "gain"}, "Two perturbations are named 'gain'"),
    ],
)
def test_an_ill_declared_class_is_refused(facts: dict[str, object], words: str) -> None:
    whole = {"name": "x", "family": "x", "title": "X", "axis": Axis("x", "x")}
    body = {**whole, "levels": (1.0,), **facts}
    with pytest.raises(TypeError) as error:
        type("Ill", (Perturbation,), {k: v for k, v in body.items() if v is not None})
    assert words in str(error.value)


def test_listing_imports_no_engine() -> None:
    heavy = ("torch", "audiomentations", "librosa", "numba", "scipy", "pandas", "matplotlib")
    code = (
        "import sys, benchmark.perturbations as p; p.resolve('all'); p.catalogue();"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
