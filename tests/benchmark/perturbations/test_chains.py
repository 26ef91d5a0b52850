"""Chains: perturbations in a row, as one condition from the YAML to the predictions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.config.identity import ChainIdentity, EvaluationIdentity, Inputs, cell_id
from benchmark.config.schema import BenchmarkFile, Preset
from benchmark.experiment_files import load, parse
from benchmark.perturbations import Condition, catalogue, resolve
from benchmark.perturbations.catalogue import catalogue_entry
from benchmark.plan import build
from benchmark.plan.matrix import check
from benchmark.predict.evaluate import by_condition
from benchmark.store.cell_kinds import EvaluationCell, EvaluationSetting, read_cell
from benchmark.store.cells import Labels
from datamodules.common.errors import TagbenchError
from tests.support.conditions import perturbed
from tests.support.sounds import RATE, music

INPUTS = Inputs(manifest="m", split="s", tags="t", task="multilabel", sample_rate=RATE)


def chain(text: str) -> Condition:
    (condition,) = resolve(text)
    return condition


def identity(condition: Condition, seed: int = 0) -> EvaluationIdentity:
    perturbation = build.perturbation_identity(condition, catalogue(), seed)
    return EvaluationIdentity(
        train="t", inputs=INPUTS, perturbation=perturbation, windows={"protocol": "tiled"}
    )


# --- audio ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "compression:3>white_noise:2",
        "white_noise:2>compression:3",
        "time_faster:5>pitch_up:1>gain:2",
        "won2020_dynamic_range:2>control_low_pass:4",
    ],
)
def test_links_are_applied_in_order_as_if_each_were_alone(text: str) -> None:
    audio = music(1.0)
    before, wanted = audio.copy(), audio
    for link in text.split(">"):
        wanted = perturbed(wanted, chain(link), seed=3)
    output = perturbed(audio, chain(text), seed=3)
    assert output.dtype == np.float32
    np.testing.assert_array_equal(output, wanted)
    np.testing.assert_array_equal(audio, before)
    np.testing.assert_array_equal(perturbed(audio, chain(f"any={text}"), seed=3), output)


def test_order_changes_the_audio() -> None:
    with_noise = perturbed(music(1.0), chain("gain:1>white_noise:3"))
    assert not np.array_equal(with_noise, perturbed(music(1.0), chain("gain:2>gain:1")))
    first, last = (chain(t) for t in ("compression:5>white_noise:3", "white_noise:3>compression:5"))
    assert not np.allclose(perturbed(music(1.0), first), perturbed(music(1.0), last), atol=1e-3)


def test_a_broken_link_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    gain = type(catalogue_entry("gain"))
    monkeypatch.setattr(gain, "apply", lambda self, audio, rate, level, rng: audio * np.nan)
    with pytest.raises(TagbenchError, match=r"under phone=.* link gain:2, failed"):
        perturbed(music(0.1), chain("phone=white_noise:1>gain:2"))


# --- what it is ----------------------------------------------------------------------------------


def test_a_chain_is_a_condition_of_its_own_protocol() -> None:
    condition = chain("phone=compression:3>white_noise:mild")
    assert condition.perturbation == "phone"
    assert (condition.family, condition.protocol) == ("chain", "custom")
    assert (condition.severity, condition.level, condition.unit) == (3, 3.0, "severity")
    assert condition.label == "phone=compression:3>white_noise:2"
    assert chain(condition.label) == condition
    assert chain("compression:3>white_noise:2").label == "compression:3>white_noise:2"


def test_it_survives_json() -> None:
    condition = chain("phone=compression:3>white_noise:2")
    labels = json.loads(json.dumps({**condition.labels(), "model": "fcn"}))
    assert Condition.from_labels(labels) == condition
    assert "links" not in chain("gain:1").labels()


def test_its_identity_is_that_of_its_links_in_order() -> None:
    whole = identity(chain("phone=compression:3>white_noise:2"), seed=7).perturbation
    assert isinstance(whole, ChainIdentity)
    alone = [identity(chain(t), seed=7).perturbation for t in ("compression:3", "white_noise:2")]
    assert whole.links == alone
    assert whole.seed == 7


def test_its_name_is_no_part_of_its_id() -> None:
    ids = {cell_id(identity(chain(f"{name}gain:1>white_noise:2"))) for name in ("", "a=", "b=")}
    assert len(ids) == 1
    others = ["white_noise:2>gain:1", "gain:1>white_noise:3", "gain:1", "gain:1>gain:1"]
    ids |= {cell_id(identity(chain(text))) for text in others}
    ids.add(cell_id(identity(chain("gain:1>white_noise:2"), seed=1)))
    assert len(ids) == 6


def test_the_evaluator_finds_it_in_the_cell() -> None:
    condition = chain("phone=compression:3>white_noise:2")
    labels = Labels("d", "multilabel", "quick", "m", 0)
    windows = {"protocol": "tiled", "max_windows": None}
    perturbation = identity(condition, seed=5).perturbation
    setting = EvaluationSetting(condition, INPUTS, perturbation, windows)
    planned = EvaluationCell(labels, {}, "t", setting)
    cell = read_cell(json.loads(json.dumps(planned.to_json())))
    assert cell == planned
    assert isinstance(cell, EvaluationCell)
    ((key, seed, _),) = by_condition([cell])
    assert (key, seed) == (condition, 5)
    assert cell.title == "d m seed 0 phone=compression:3>white_noise:2"


# --- how it is written ---------------------------------------------------------------------------


def test_yaml_may_spell_it_out(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "recipe: quick\n"
        "perturbations:\n"
        "  - core\n"
        "  - {name: phone, chain: [compression:3, white_noise:2]}\n"
        "  - chain: [gain:1, white_noise:2]\n"
        "  - pitch_up:1>gain:2\n",
        encoding="utf-8",
    )
    preset = load(path, Preset)
    assert preset.perturbations[1] == "phone=compression:3>white_noise:2"
    matrix = BenchmarkFile(datasets=["synth"], models=["fcn"], preset=str(path))
    conditions = check(matrix).conditions["synth"]
    assert len(conditions) == 1 + 20 + 3
    assert [c.perturbation for c in conditions[-3:]] == [
        "phone", "gain:1>white_noise:2", "pitch_up:1>gain:2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "item", [{"name": "a"}, {"chain": "gain:1"}, {"chains": ["gain:1"]}, {"chain": [1, 2]}]
)
def test_an_ill_spelt_mapping_is_shown_how(item: object) -> None:
    with pytest.raises(TagbenchError, match=r"perturbations\.0: .*a chain is \{name: phone"):
        parse({"recipe": "quick", "perturbations": [item]}, Preset, "mine.yaml")


@pytest.mark.parametrize("preset", ["quick", "standard", "won2020"])
def test_any_profile_goes_with_any_recipe(preset: str) -> None:
    selection = ["core", "controls", "won2020"]
    matrix = BenchmarkFile(
        datasets=["synth"], models=["fcn"], preset=preset, perturbations=selection
    )
    assert len(check(matrix).conditions["synth"]) == 1 + 20 + 11 + 15
