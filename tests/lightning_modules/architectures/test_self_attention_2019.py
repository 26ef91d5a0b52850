"""The taggers of Won et al. 2019 with weights from a formula, against the reference code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.config.schema import ModelFile
from benchmark.experiment_files import find, load
from datamodules.audio.decode import decode
from datamodules.common.errors import TagbenchError
from lightning_modules.architectures.self_attention_2019 import SelfAttention2019
from tests.support.formula import check_input, fill, signal
from tests.support.paths import DATA
from tests.support.won2019 import published_name

GOLDEN = json.loads((DATA / "self_attention_2019.json").read_text(encoding="utf-8"))
TOLERANCE = 1e-5  # on sigmoids; float32 alone moves them by 5e-7


@pytest.fixture(scope="module", params=GOLDEN["models"])
def case(request: pytest.FixtureRequest) -> tuple[dict[str, Any], SelfAttention2019]:
    facts = GOLDEN["models"][request.param]
    file = load(find("models", request.param), ModelFile)
    model = SelfAttention2019.build(0, n_tags=50, **file.params)
    fill(model, facts["gain"], facts["overrides"], published_name)
    return facts, model.eval()


@pytest.fixture(scope="module")
def golden(shared_data: Path) -> dict[str, Any]:
    return json.loads(
        (shared_data / "golden/02_self_attention_tagger_2019.json").read_text("utf-8")
    )


@pytest.fixture(scope="module")
def clips(golden: dict[str, Any], shared_data: Path) -> list[np.ndarray]:
    file = golden["inputs"][1].split(" (")[0]
    audio = [signal(464_000), decode(shared_data / "audio" / file, 16000)[:464_000]]
    for clip, stats in zip(audio, golden["input_stats"], strict=True):
        check_input(clip, stats)
    return audio


def sigmoids(model: SelfAttention2019, *audio: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return model.probabilities(model(torch.from_numpy(np.stack(audio)))).numpy()


def summary(values: torch.Tensor) -> dict[str, Any]:
    x = values.double().numpy().ravel()
    return {"mean": x.mean(), "std": x.std(), "first8": x[:8], "last8": x[-8:]}


def check_summary(values: torch.Tensor, expected: dict[str, Any]) -> None:
    for name, value in summary(values).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-5, atol=1e-5 * expected["std"])


def test_sizes_and_outputs_are_those_of_the_reference(case):
    facts, model = case
    assert model.n_params == facts["parameters"]
    assert len(model.state_dict()) == facts["n_keys"]
    audio = signal(facts["samples"])
    np.testing.assert_allclose(sigmoids(model, audio)[0], facts["sigmoids"], atol=TOLERANCE)


def test_layers_and_real_music_are_those_of_the_reference(case, golden, clips):
    facts, model = case
    expected = golden["variants"][facts["reference"]]
    shapes = {key: tuple(shape) for key, shape, _ in expected["keys"]}
    state = model.state_dict()
    assert {published_name(key): tuple(value.shape) for key, value in state.items()} == shapes
    windows = [clip[: facts["samples"]] for clip in clips]
    outputs = sigmoids(model, *windows)
    np.testing.assert_allclose(outputs, expected["sigmoid outputs"], atol=TOLERANCE)
    np.testing.assert_allclose(sigmoids(model, windows[1]), outputs[1:], atol=1e-6)
    if "front end output" not in expected:
        return
    audio = torch.from_numpy(np.stack(windows))
    with torch.inference_mode():
        maps = model.spec(audio)[..., :-1] if hasattr(model, "spec") else audio[:, None]
        frames = model.front_end(maps)
    for index in range(2):
        check_summary(frames[index], expected["front end output"][index])
        if hasattr(model, "spec"):
            check_summary(maps[index], golden["spec_stats"][index])


def test_back_end_of_another_front_end_is_refused():
    with pytest.raises(TagbenchError, match="expected back: won or back: lee"):
        SelfAttention2019(n_tags=3, front="lee", back="pons")


@pytest.mark.parametrize(
    ("front", "back", "least", "most"),
    [
        ("pons", "won", 257, 69_375),
        ("pons", "pons", 512, None),
        ("lee", "won", 243, 65_850),
        ("lee", "lee", 59_049, 118_095),
    ],
)
def test_length_limits_are_exact(front, back, least, most):
    model = SelfAttention2019.build(0, n_tags=3, front=front, back=back, n_channels=2).eval()
    assert (model.min_samples, model.max_samples) == (least, most)
    with torch.inference_mode():
        assert model(torch.zeros(1, least)).shape == (1, 3)
        assert model(torch.zeros(1, most or 100_000)).shape == (1, 3)
        if most:
            with pytest.raises(TagbenchError, match="Cut windows of"):
                model(torch.zeros(1, most + 1))
    if model.attentions:
        assert model.tokens(torch.zeros(1, most)).shape == (1, 271, 512)


def test_dropout_is_that_of_the_paper():
    for layer in SelfAttention2019.build(0, n_tags=3).attentions:
        assert layer.attention_dropout == layer.output.dropout.p == 0.4
