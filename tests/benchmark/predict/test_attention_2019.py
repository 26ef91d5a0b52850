"""Attention maps and contributions of Won et al. 2019 against the reference's visualisation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from benchmark.predict.attention import contribution, explain
from datamodules.audio.decode import decode
from datamodules.common.errors import TagbenchError
from lightning_modules.architectures.self_attention_2019 import SelfAttention2019
from tests.support.formula import fill, signal
from tests.support.won2019 import published_name

TAGS = tuple(f"tag {index}" for index in range(50))
SAMPLES = SelfAttention2019.input_spec().window


@pytest.fixture(scope="module")
def golden(shared_data: Path) -> dict[str, Any]:
    file = shared_data / "golden/02_self_attention_tagger_2019.json"
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def maps(golden: dict[str, Any]) -> dict[str, Any]:
    """Return the heat maps by the first word or words of their names."""
    entries = golden["variants"]["pons_won"]["heat maps"]
    return {name.split(":")[0].split(" (")[0]: value for name, value in entries.items()}


@pytest.fixture(scope="module")
def model() -> SelfAttention2019:
    model = SelfAttention2019.build(0, n_tags=50)
    norm = "front_end.input_bn.running_"
    fill(model, 1.0, {f"{norm}mean": -20, f"{norm}var": 400}, published_name)
    return model.eval()


@pytest.fixture(scope="module")
def windows(golden: dict[str, Any], shared_data: Path) -> list[NDArray[np.float32]]:
    file = golden["inputs"][1].split(" (")[0]
    return [signal(464_000)[:SAMPLES], decode(shared_data / "audio" / file, 16000)[:SAMPLES]]


@pytest.mark.parametrize("index", [0, 1])
def test_maps_are_those_of_the_reference(index, model, windows, maps, golden):
    found = explain(model, TAGS, windows[index])
    # The "averages" of the reference are sums over the 8 heads.
    first, last = found.attention[0].astype(np.float64).sum(1)  # (257, 257)
    expected = maps["layer1, sum over heads, mean over queries"][index]
    np.testing.assert_allclose(first.mean(0), expected, atol=1e-6)
    np.testing.assert_allclose(last[0], maps["layer2, sum over heads, CLS row"][index], atol=1e-6)
    np.testing.assert_allclose(8 * found.received[0].mean(0), 257 * first.mean(0)[1:], rtol=1e-5)
    np.testing.assert_allclose(8 * found.received[1].mean(0), last[0, 1:], rtol=1e-5)
    per_head = [maps["layer1 per head"][index], maps["layer2 per head"][index]]
    for layer, heads in enumerate(per_head):
        for received, head in zip(found.received[layer], heads, strict=True):
            np.testing.assert_allclose(received[:7], head["first8"][1:], rtol=1e-4)
            np.testing.assert_allclose(received[-8:], head["last8"], rtol=1e-4)
    expected = golden["variants"]["pons_won"]["sigmoid outputs"][index]
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)


@pytest.mark.parametrize("index", [0, 1])
def test_contributions_are_those_of_the_reference(index, model, windows, maps):
    with torch.inference_mode():
        curve = contribution(model, model.tokens(torch.from_numpy(windows[index])[None]))
    expected = maps["tag-wise contribution, layer 2"]
    assert len(expected) == 7
    for token, outputs in expected.items():
        np.testing.assert_allclose(curve[int(token)], outputs[index], atol=1e-5)


def test_curve_of_spliced_spectrograms_is_that_of_the_reference(model, windows, maps):
    expected = maps["spliced input"]
    with torch.inference_mode():
        halves = [model.spec(torch.from_numpy(audio)[None])[..., :128] for audio in windows]
        tokens = model.frames_to_tokens(torch.cat(halves, -1))
        curve = contribution(model, tokens).T  # (50, 257)
    np.testing.assert_allclose(curve.mean(1), expected["per tag mean"], atol=1e-5)
    np.testing.assert_allclose(curve.std(1), expected["per tag std"], atol=1e-5)
    np.testing.assert_allclose(curve[0], expected["tag 0 whole"], atol=1e-5)
    for tag in (23, 24):
        np.testing.assert_allclose(curve[tag, :8], expected[f"tag {tag}"]["first8"], atol=1e-5)
        np.testing.assert_allclose(curve[tag, -8:], expected[f"tag {tag}"]["last8"], atol=1e-5)


def test_variant_without_attention_is_refused():
    model = SelfAttention2019.build(0, n_tags=3, back="pons").eval()
    with pytest.raises(TagbenchError, match="has no attention layers"):
        explain(model, TAGS[:3], signal(SAMPLES))
