"""SampleCNN of CLMR with weights from a formula, against the reference code."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from datamodules.audio.decode import decode
from lightning_modules.architectures.clmr_sample_cnn import CLMRSampleCNN
from tests.support.formula import check_input, fill, signal
from tests.support.paths import DATA

GOLDEN = json.loads((DATA / "clmr_sample_cnn.json").read_text(encoding="utf-8"))
RATE = 22050
TOLERANCE = 1e-5  # on logits; float32 alone moves them by 1e-6


@pytest.fixture(scope="module")
def model() -> CLMRSampleCNN:
    model = CLMRSampleCNN.build(0, n_tags=50)
    assert model.n_params == GOLDEN["parameters"] == 2_394_162
    fill(model, GOLDEN["gain"], {})
    return model.eval()


def test_formula_weights_give_the_outputs_of_the_reference(model: CLMRSampleCNN) -> None:
    audio = signal(GOLDEN["samples"], RATE)
    check_input(audio, GOLDEN["input"])
    with torch.inference_mode():
        batch = torch.from_numpy(audio)[None]
        logits, embedding = model(batch)[0], model.embed(batch)[0]
    np.testing.assert_allclose(logits, GOLDEN["logits"], atol=TOLERANCE)
    assert embedding.shape == (512,)
    np.testing.assert_allclose(embedding[:64], GOLDEN["embedding"], atol=TOLERANCE)


def test_formula_weights_on_real_music(model: CLMRSampleCNN, shared_data) -> None:
    text = (shared_data / "golden/03_clmr_samplecnn.json").read_text(encoding="utf-8")
    golden = json.loads(text)
    facts = golden["with fc (supervised, out_dim 50)"]
    shapes = {key: tuple(shape) for key, shape, _ in facts["keys"]}
    assert {key: tuple(value.shape) for key, value in model.state_dict().items()} == shapes
    music = [decode(shared_data / "audio" / file, RATE) for file in golden["inputs"][1:]]
    clips = [signal(golden["samples"], RATE), *(clip[: golden["samples"]] for clip in music)]
    for clip, stats in zip(clips, golden["input_stats"], strict=True):
        check_input(clip, stats)
    batch = torch.from_numpy(np.stack(clips))
    with torch.inference_mode():
        np.testing.assert_allclose(model(batch), facts["50 logits"], atol=TOLERANCE)
        embeddings = facts["encoder output 512-d (sequential.10, whole)"]
        np.testing.assert_allclose(model.embed(batch), embeddings, atol=TOLERANCE)
