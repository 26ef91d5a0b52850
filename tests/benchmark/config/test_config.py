"""Experiment files: what a typo costs, and that every shipped file is sound."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.config.classes import import_class, resolve_params
from benchmark.config.schema import BenchmarkFile, DatasetFile, ModelFile, Preset
from benchmark.experiment_files import EXPERIMENTS, find, load, parse
from benchmark.plan.matrix import check
from datamodules.common.errors import TagbenchError
from lightning_modules.stages.base import Stage

SCHEMAS = {
    "models": ModelFile,
    "datasets": DatasetFile,
    "presets": Preset,
    "benchmarks": BenchmarkFile,
}
SHIPPED = [(kind, path) for kind in SCHEMAS for path in sorted((EXPERIMENTS / kind).glob("*.yaml"))]


@pytest.mark.parametrize(("kind", "path"), SHIPPED, ids=lambda v: getattr(v, "stem", v))
def test_every_shipped_file_loads(kind: str, path: Path):
    loaded = load(path, SCHEMAS[kind])
    if isinstance(loaded, Preset):
        loaded.windows.build()
        assert loaded.training().epochs >= 1
        assert all(find("models", name) for name in loaded.model_recipes)
        assert all(import_class(stage, Stage, path.stem) for stage in loaded.stage_recipes)
    if isinstance(loaded, BenchmarkFile):
        if not loaded.models:  # its models are those of --checkpoints or --pretrained
            loaded = loaded.model_copy(update={"models": ["tag_prior"]})
        assert check(loaded).n_evaluations >= 1


def test_every_kind_is_shipped():
    assert {kind for kind, _ in SHIPPED} == set(SCHEMAS)


def test_order_of_the_recipes_of_a_preset():
    stage = "lightning_modules.stages.simclr.SimCLR"
    budgets = [{"epochs": epochs, "lr": 1e-3} for epochs in (1, 2, 3)]
    preset = Preset.model_validate(
        {
            "recipe": budgets[0],
            "stage_recipes": {stage: budgets[1]},
            "model_recipes": {"fcn": budgets[2]},
        }
    )
    models = {("", "crnn"): 1, (stage, "clmr_simclr"): 2, ("", "fcn"): 3, (stage, "fcn"): 3}
    assert {model: preset.training(*model).epochs for model in models} == models


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_unknown_key_names_file_key_and_nearest(tmp_path: Path):
    path = write(tmp_path, "recipe: quick\nwindowz: {protocol: tiled}\n")
    with pytest.raises(TagbenchError, match=r"x\.yaml: unknown key 'windowz'\. Did you mean 'wind"):
        load(path, Preset)


def test_nested_unknown_key_has_a_dotted_path(tmp_path: Path):
    path = write(tmp_path, "recipe: quick\nwindows: {protocoll: tiled}\n")
    with pytest.raises(TagbenchError, match=r"'windows\.protocoll'\. Did you mean 'protocol'"):
        load(path, Preset)


def test_wrong_type_is_not_converted(tmp_path: Path):
    path = write(tmp_path, "datasets: [synth]\nmodels: [fcn]\nseeds: ['0']\n")
    with pytest.raises(TagbenchError, match=r"seeds\.0: .*expected an integer, found '0'"):
        load(path, BenchmarkFile)


def test_missing_key(tmp_path: Path):
    with pytest.raises(TagbenchError, match="missing key 'class'"):
        load(write(tmp_path, "params: {}\n"), ModelFile)


def test_duplicate_key(tmp_path: Path):
    with pytest.raises(TagbenchError, match="duplicate key"):
        load(write(tmp_path, "class: a.B\nclass: c.D\n"), ModelFile)


def test_exponent_without_point_is_a_number(tmp_path: Path):
    path = write(tmp_path, "recipe: {epochs: 1, lr: 1e-3}\n")
    assert load(path, Preset).training().lr == pytest.approx(0.001)


@pytest.mark.parametrize("content", ["- a\n", "just text\n", ""])
def test_not_a_mapping(tmp_path: Path, content: str):
    with pytest.raises(TagbenchError, match="expected a mapping"):
        load(write(tmp_path, content), Preset)


def test_broken_yaml(tmp_path: Path):
    with pytest.raises(TagbenchError, match="not valid YAML"):
        load(write(tmp_path, "a: [1,\n"), Preset)


def test_unknown_name_gives_the_nearest():
    with pytest.raises(TagbenchError, match=r"Unknown model 'musicn'\. Did you mean 'musicnn'"):
        find("models", "musicn")


def test_a_name_cannot_leave_the_folder():
    with pytest.raises(TagbenchError, match=r"does not end with \.yaml.* tagbench list models"):
        find("models", "../datasets/synth")


def test_own_yaml_path(tmp_path: Path):
    assert find("models", str(write(tmp_path, "class: a.B\n"))).name == "x.yaml"
    with pytest.raises(TagbenchError, match=r"no such file\. Expected .* tagbench list models"):
        find("models", str(tmp_path / "missing.yaml"))


class Leaf:
    def __init__(self, *, width: int = 3, scale: float = 1.0, **base: object) -> None: ...


def test_params_are_checked_against_the_signature():
    assert resolve_params(Leaf, object, {"width": 5}, "m") == {"width": 5, "scale": 1.0}
    with pytest.raises(TagbenchError, match=r"unknown key 'widht'\. Did you mean 'width'"):
        resolve_params(Leaf, object, {"widht": 5}, "m")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"width": "5"}, r"m: params: width: expected an integer, found '5'"),
        ({"width": True}, r"m: params: width: expected an integer, found True"),
        ({"width": 5.0}, r"m: params: width: .*found 5\.0"),
        ({"scale": "1"}, r"m: params: scale: expected a number, found '1'"),
        ({"trainable": "no"}, r"m: params: trainable: expected true or false, found 'no'"),
        ({"trainable": 1}, r"m: params: trainable: expected true or false, found 1"),
        ({"sizes": [1, "2"]}, r"m: params: sizes\.1: expected an integer, found '2'"),
    ],
)
def test_a_parameter_of_another_type_is_refused(params: dict[str, object], message: str):
    class Typed(Leaf):
        def __init__(
            self, *, trainable: bool = True, sizes: tuple[int, ...] = (), **leaf: object
        ) -> None: ...

    with pytest.raises(TagbenchError, match=message):
        resolve_params(Typed, object, params, "m")
    assert resolve_params(Typed, object, {"sizes": [1, 2]}, "m")["sizes"] == (1, 2)


class Twig(Leaf):
    def __init__(self, *, depth: int = 2, scale: float = 0.5, **leaf: object) -> None: ...


def test_a_subclass_takes_the_parameters_of_its_bases_too():
    assert resolve_params(Twig, object, {"width": 5}, "m") == {
        "depth": 2,
        "scale": 0.5,
        "width": 5,
    }
    assert resolve_params(Twig, Leaf, {}, "m") == {"depth": 2, "scale": 0.5}


def test_an_integer_for_a_float_is_the_same_science():
    assert resolve_params(Leaf, object, {"scale": 2}, "m")["scale"] == 2.0
    assert isinstance(resolve_params(Leaf, object, {"scale": 2}, "m")["scale"], float)


def test_window_protocol_typo():
    preset = parse({"recipe": "quick", "windows": {"protocol": "tild"}}, Preset, "p")
    with pytest.raises(TagbenchError, match="Did you mean 'tiled'"):
        preset.windows.build()


def test_perturbation_typo_is_found_before_anything_heavy():
    matrix = BenchmarkFile(datasets=["synth"], models=["fcn"], perturbations=["pitch_shfit"])
    with pytest.raises(TagbenchError, match="Did you mean 'pitch_shift'"):
        check(matrix)
