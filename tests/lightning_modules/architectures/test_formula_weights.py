"""The nine models of Won et al. 2020 with weights from a formula, against the reference code."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from datamodules.audio.decode import decode
from lightning_modules.architectures.cnn_self_attention import SelfAttention
from lightning_modules.architectures.crnn import CRNN
from lightning_modules.architectures.fcn import FCN
from lightning_modules.architectures.harmonic_cnn import HarmonicCNN
from lightning_modules.architectures.musicnn import Musicnn
from lightning_modules.architectures.sample_cnn import SampleCNN
from lightning_modules.architectures.sample_cnn_se import SampleCNNSE
from lightning_modules.architectures.short_chunk_cnn import ShortChunkCNN, ShortChunkCNNRes
from lightning_modules.base import TaggingModule
from tests.support.formula import check_input, fill, signal
from tests.support.paths import DATA

CLASSES: dict[str, type[TaggingModule]] = {
    "fcn": FCN,
    "musicnn": Musicnn,
    "crnn": CRNN,
    "sample": SampleCNN,
    "se": SampleCNNSE,
    "short": ShortChunkCNN,
    "short_res": ShortChunkCNNRes,
    "attention": SelfAttention,
    "hcnn": HarmonicCNN,
}
GOLDEN = json.loads((DATA / "won2020_models.json").read_text(encoding="utf-8"))["models"]
TOLERANCE = 1e-5  # on sigmoids; float32 alone moves them by 1e-6


@pytest.fixture(scope="module", params=CLASSES)
def case(request: pytest.FixtureRequest) -> tuple[str, TaggingModule]:
    name = request.param
    facts = GOLDEN[name]
    model = CLASSES[name].build(0, n_tags=50)
    fill(model, facts["gain"], facts["overrides"])
    return name, model.eval()


def sigmoids(model: TaggingModule, *audio: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return model.probabilities(model(torch.from_numpy(np.stack(audio)))).numpy()


def test_formula_weights_give_the_outputs_of_the_reference(case):
    name, model = case
    facts = GOLDEN[name]
    audio = signal(facts["samples"])
    check_input(audio, facts["input"])
    assert model.n_params == facts["parameters"]
    np.testing.assert_allclose(sigmoids(model, audio)[0], facts["sigmoids"], atol=TOLERANCE)


def test_formula_weights_on_real_music(case, shared_data):
    name, model = case
    golden = json.loads((shared_data / "golden/14_won2020_models.json").read_text("utf-8"))
    facts = golden["models"][name]
    shapes = {key: tuple(shape) for key, shape, kind in facts["keys"] if kind != "left"}
    assert {key: tuple(value.shape) for key, value in model.state_dict().items()} == shapes
    file, offset = golden["inputs"][1].split(" from sample ")
    music = decode(shared_data / "audio" / file, golden["sample_rate"])
    clips = [music[first : first + facts["samples"]] for first in (int(offset), 0)]
    for clip, stats in zip(clips, facts["input_stats"][1:], strict=True):
        check_input(clip, stats)
    np.testing.assert_allclose(
        sigmoids(model, *clips), facts["sigmoid outputs"][1:], atol=TOLERANCE
    )
