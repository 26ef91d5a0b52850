"""Tutorial CNN with weights from a formula, against the reference code."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from datamodules.audio.decode import decode
from datamodules.common.errors import TagbenchError
from lightning_modules.architectures.webbook_gtzan import WebbookGtzan
from tests.support.formula import check_input, fill, signal
from tests.support.paths import DATA

GOLDEN = json.loads((DATA / "webbook_gtzan.json").read_text(encoding="utf-8"))
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def model() -> WebbookGtzan:
    model = WebbookGtzan.build(0, n_tags=10, task="singlelabel")
    fill(model, GOLDEN["gain"], GOLDEN["overrides"])
    return model.eval()


def test_formula_weights_give_the_outputs_of_the_reference(model):
    audio = signal(GOLDEN["samples"], 22050)
    check_input(audio, GOLDEN["input"])
    assert model.n_params == GOLDEN["parameters"]
    with torch.inference_mode():
        ours = model.probabilities(model(torch.from_numpy(audio)[None]))[0]
    np.testing.assert_allclose(ours, GOLDEN["softmax"], atol=TOLERANCE)


def test_formula_weights_on_real_music(model, shared_data):
    path = shared_data / "golden/04_webbook_gtzan_cnn.json"
    golden = json.loads(path.read_text(encoding="utf-8"))
    shapes = {key: tuple(shape) for key, shape, kind in golden["keys"] if kind != "left"}
    assert {key: tuple(value.shape) for key, value in model.state_dict().items()} == shapes
    samples = golden["samples"]
    music = [decode(shared_data / "audio" / file, 22050)[:samples] for file in golden["inputs"][1:]]
    for clip, stats in zip(music, golden["input_stats"][1:], strict=True):
        check_input(clip, stats)
    with torch.inference_mode():
        ours = model(torch.from_numpy(np.stack(music)))
    np.testing.assert_allclose(ours, golden["10 logits"][1:], atol=TOLERANCE)


def test_length_limits_are_exact(model):
    with torch.inference_mode():
        for frames, samples in ((720, 719 * 512), (1439, 1439 * 512 - 1)):
            assert model.spec(torch.zeros(1, samples)).shape[-1] == frames
            assert model(torch.zeros(1, samples)).shape == (1, 10)
        for samples in (719 * 512 - 1, 1439 * 512):
            with pytest.raises(TagbenchError, match=r"cannot take .* expects 16.70 s to 33.41 s"):
                model(torch.zeros(1, samples))
