"""The nine models of Won et al. 2020 with weights from a formula, against the reference code."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

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


def hashed(key: str, count: int) -> np.ndarray:
    """Return ``count`` float64 values in (-1, 1) that depend on ``key`` and the index alone."""
    x = (np.arange(count, dtype=np.uint64) * 0x9E3779B1 + zlib.crc32(key.encode())) % 2**32
    x ^= x >> 16
    x = x * 0x7FEB352D % 2**32
    x ^= x >> 15
    x = x * 0x846CA68B % 2**32
    x ^= x >> 16
    return 2 * (x + 0.5) / 2**32 - 1


def signal(samples: int, rate: int = 16000) -> np.ndarray:
    """Return two tones, a chirp and a little noise, float32 (samples,)."""
    t = np.arange(samples) / rate
    tones = 0.5 * np.sin(2 * np.pi * 440 * t) + 0.25 * np.sin(2 * np.pi * 1234.5 * t)
    chirp = 0.1 * np.sin(2 * np.pi * 60 * t**2)
    return (tones + chirp + 0.01 * hashed("noise", samples)).astype(np.float32)


def weight(key: str, value: Tensor, gain: float) -> np.ndarray:
    """Return the value of one tensor of the state dict by its name and shape."""
    if not value.is_floating_point():
        return np.zeros(value.shape)
    r = hashed(key, value.numel()).reshape(value.shape)
    if value.ndim >= 2:
        return gain * np.sqrt(3 * len(value) / value.numel()) * r
    if key.endswith("running_var"):
        return 1 + 0.5 * r**2
    if key.endswith(".weight"):  # the only 1-D weights are those of norms
        return 1 + 0.1 * r
    return 0.1 * r


@pytest.fixture(scope="module", params=CLASSES)
def case(request: pytest.FixtureRequest) -> tuple[str, TaggingModule]:
    name = request.param
    facts = GOLDEN[name]
    model = CLASSES[name].build(0, n_tags=50)
    state = {
        key: torch.from_numpy(weight(key, value, facts["gain"])).to(value.dtype)
        for key, value in model.state_dict().items()
    }
    for key, value in facts["overrides"].items():
        state[key].fill_(value)
    model.load_state_dict(state)
    return name, model.eval()


def check_input(audio: np.ndarray, stats: Mapping[str, Any]) -> None:
    rms = float(np.sqrt(np.mean(audio.astype(np.float64) ** 2)))
    assert rms == pytest.approx(stats["rms"], abs=1e-6)
    np.testing.assert_allclose(audio[1000:1004], stats["x[1000:1004]"], atol=1e-6)


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
