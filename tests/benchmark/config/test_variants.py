"""Models of a matrix that differ from a file in the augmentation of their training."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.config.models import ResolvedModel
from benchmark.config.schema import BenchmarkFile, Preset
from benchmark.config.variant_text import Variant
from benchmark.config.variants import load_model, load_models
from benchmark.experiment_files import find, load, parse
from benchmark.plan.matrix import check
from datamodules.common.errors import TagbenchError

CHAIN = "transforms: [{transform: gain}]\n"


def test_a_stage_without_augmentation_is_named() -> None:
    with pytest.raises(TagbenchError, match=r"stage ClosedForm .* without augmentation\. Name the"):
        ResolvedModel.named("tag_prior+pitch_shift")


def test_a_variant_is_named_by_model_and_augmentation(tmp_path: Path) -> None:
    chain = tmp_path / "phone.yaml"
    chain.write_text(CHAIN)
    benchmark = parse(
        {
            "datasets": ["synth"],
            "models": [
                "fcn",
                {"model": "fcn_128", "augment": "family:pitch_shift"},
                "fcn_128+pitch_shift",  # the same model
                "musicnn+clmr",
                f"fcn+{chain}",
            ],
        },
        BenchmarkFile,
        "the matrix",
    )
    models = check(benchmark).models
    assert list(models) == ["fcn", "fcn_128+pitch_shift", "musicnn+clmr", "fcn+phone"]
    assert models["fcn"].stage is None
    augments = [file.stage.params["augment"] for file in models.values() if file.stage]
    assert augments == ["family:pitch_shift", "clmr", str(chain)]
    assert models["fcn_128+pitch_shift"].params == {"n_mels": 128}


def test_the_rest_of_the_stage_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "taught.yaml"
    path.write_text(
        "class: a.B\nstage: {class: c.D, params: {x: 1, augment: mtt}, parents: {teacher: fcn}}\n"
    )
    (file,) = load_models([f"{path}+clmr"]).values()
    assert file.stage is not None
    assert (file.stage.class_path, file.stage.parents) == ("c.D", {"teacher": "fcn"})
    assert file.stage.params == {"x": 1, "augment": "clmr"}


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (["fcn+pitchshift"], r"Unknown augmentation 'pitchshift'. Did you mean 'family:pitch_shif"),
        (["fnc+pitch_shift"], "Unknown model 'fnc'. Did you mean 'fcn'"),
        (["fcn+"], r"Unknown model 'fcn\+'"),
        (["fcn[]"], r"Model 'fcn\[\]': expected parameters such as"),
        (["fcn[n_mels]"], "in the brackets, each once, found 'n_mels'"),
        ([{"model": "fcn", "grid": {"n_mels": 64}}], "item 0: a model is a name"),
        ([{"model": "fcn"}], r"models: item 0: a model is a name, or \{model: fcn, augment"),
    ],
)
def test_an_unknown_name_is_reported(models: list[object], message: str) -> None:
    with pytest.raises(TagbenchError, match=message):
        check(parse({"datasets": ["synth"], "models": models}, BenchmarkFile, "the matrix"))


def test_two_variants_do_not_share_a_name(tmp_path: Path) -> None:
    (tmp_path / "clmr.yaml").write_text(CHAIN)
    with pytest.raises(TagbenchError, match=r"Two models of the matrix are called 'fcn\+clmr'"):
        load_models(["fcn+clmr", f"fcn+{tmp_path / 'clmr.yaml'}"])


def test_a_variant_is_named_by_its_parameters() -> None:
    benchmark = parse(
        {
            "datasets": ["synth"],
            "models": [
                "fcn[n_mels=64]+pitch_shift",
                {"model": "fcn_128", "params": {"n_mels": 128}},  # the value of the file
                {"name": "small", "model": "fcn", "params": {"n_mels": 32}},
                {"models": ["fcn", "crnn"], "grid": {"n_mels": [64, 128]}, "augment": "clmr"},
            ],
        },
        BenchmarkFile,
        "the matrix",
    )
    models = check(benchmark).models
    assert list(models) == [
        "fcn[n_mels=64]+pitch_shift",
        "fcn_128",
        "small",
        *(f"{name}[n_mels={bands}]+clmr" for bands in (64, 128) for name in ("fcn", "crnn")),
    ]
    assert [file.params["n_mels"] for file in models.values()] == [64, 128, 32, 64, 64, 128, 128]


def test_parameters_of_any_type_are_read_and_written() -> None:
    variant = Variant.parse('x[c=m/s+d, b=[1,"y,z"],a=true,d=0.5, e="200"]')
    assert variant.params == {"a": True, "b": [1, "y,z"], "c": "m/s+d", "d": 0.5, "e": "200"}
    assert str(variant) == 'x[a=true,b=[1,"y,z"],c=m/s+d,d=0.5,e="200"]'
    assert Variant.parse(str(variant)) == variant


def test_the_shipped_benchmark_has_each_default_family_once() -> None:
    models = check(load(find("benchmarks", "robust_training"), BenchmarkFile)).models
    names = ("pitch_shift", "time_stretch", "white_noise", "dynamic_range_compression")
    assert list(models) == ["fcn", *(f"fcn+{name}" for name in names)]


def test_a_variant_has_the_recipe_that_a_preset_states_for_its_file() -> None:
    preset = load(find("presets", "matt"), Preset)
    sizes = {
        name: ResolvedModel.of(label, file).recipe_in(preset).batch_size
        for name, (label, file) in (
            (name, load_model(name))
            for name in ("crnn_genre", "mlp_matt", "mlp_matt[sets=mfcc]", "m=mlp_matt[sets=mfcc]")
        )
    }
    assert sizes == {
        "crnn_genre": 14, "mlp_matt": 160, "mlp_matt[sets=mfcc]": 160, "m=mlp_matt[sets=mfcc]": 160
    }  # fmt: skip
