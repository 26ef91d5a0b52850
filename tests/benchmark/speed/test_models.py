"""The speed benchmark works, and the plain forms that it measures against are the same models."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from benchmark.config.files import names
from benchmark.speed import tables
from benchmark.speed.baselines.build import build_plain
from benchmark.speed.models import Row
from benchmark.speed.worker import N_TAGS, ours_like, resolve, sounds, yardstick
from tests.support.paths import ROOT

# Learned scalars at 50 tags, as published with the reference.
SIZES = {
    "fcn": 447_732,
    "musicnn": 784_300,
    "crnn": 394_100,
    "sample_cnn": 1_869_874,
    "sample_cnn_se": 6_951_858,
    "short_chunk_cnn": 3_687_348,
    "short_chunk_cnn_res": 12_104_244,
    "self_attention": 10_521_652,
    "harmonic_cnn": 3_631_551,
}
VARIANTS = ["fcn_128", "crnn_128", "musicnn_128", "musicnn_msd"]
PUBLISHED = [*SIZES, *VARIANTS]


def pair(name: str) -> tuple[nn.Module, nn.Module]:
    model = resolve(name)
    plain = yardstick(model)
    assert plain is not None
    return ours_like(model, plain), plain


@pytest.mark.parametrize(
    "name", [*SIZES, *(pytest.param(name, marks=pytest.mark.slow) for name in VARIANTS)]
)
def test_plain_form_gives_our_outputs(name: str) -> None:
    ours, plain = pair(name)
    audio = sounds(2, resolve(name).architecture.window)
    with torch.inference_mode():
        expected, got = plain.eval()(audio), ours.eval()(audio)
    assert got.shape == (2, N_TAGS)
    # Outputs that hardly differ between windows would prove little.
    assert (expected[0] - expected[1]).abs().max() > 0.01
    torch.testing.assert_close(got.sigmoid(), expected.sigmoid(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", SIZES)
def test_plain_form_has_published_size(name: str) -> None:
    plain = yardstick(resolve(name))
    assert plain is not None
    assert sum(parameter.numel() for parameter in plain.parameters()) == SIZES[name]


class Fixed(nn.Module):
    """Gives the same map whatever the audio."""

    def __init__(self, value: torch.Tensor) -> None:
        super().__init__()
        self.value = value

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        return self.value


def share_front_end(ours: nn.Module, plain: nn.Module, audio: torch.Tensor) -> None:
    """Let both start from one map: front ends know float32 only, whose rounding moves maxima."""
    if hasattr(ours, "spec"):
        value = ours.spec(audio).detach().double()
        ours.spec, plain.spec, plain.to_db = Fixed(value), Fixed(value[:, 0]), nn.Identity()
    elif hasattr(ours, "hstft"):
        ours.hstft = plain.hstft = Fixed(ours.hstft(audio).detach().double())


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_plain_form_gives_our_gradients(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightning_modules.layers.bert_encoder.ATTENTION_DROPOUT", 0.0)
    ours, plain = pair(name)
    cls = resolve(name).cls
    audio = sounds(3, max(cls.min_samples, min(cls.input_samples, 80_000)))
    share_front_end(ours, plain, audio)
    gradients = []
    for module in (ours, plain):
        for part in module.double().train().modules():
            if isinstance(part, nn.Dropout):
                part.p = 0.0
        logits = module(audio.double())
        targets = (audio[:, : logits.shape[1]] > 0).double()
        nn.functional.binary_cross_entropy_with_logits(logits, targets).backward()
        gradients.append({key: value.grad for key, value in module.named_parameters()})
    # What vanishes but for rounding, as the bias before a batch norm, is held to the whole.
    scale = float(torch.stack([value.norm() for value in gradients[1].values()]).norm())
    assert gradients[0].keys() == gradients[1].keys()
    for key, expected in gradients[1].items():
        torch.testing.assert_close(
            gradients[0][key], expected, rtol=1e-6, atol=1e-9 * scale, msg=f"{name}: {key}"
        )
    states = ours.state_dict(), plain.state_dict()
    for key in states[0]:
        torch.testing.assert_close(states[0][key], states[1][key], rtol=1e-9, atol=1e-9, msg=key)


def test_command_measures_a_model(tmp_path: Path) -> None:
    arguments = ["models", "--models", "sample_cnn", "--batch", "2", "--repeats", "1"]
    arguments += ["--threads", "1", "--device", "cpu", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmark.speed", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    frame = pd.read_csv(tmp_path / "models-cpu.csv")
    assert list(frame["mode"]) == ["forward", "step"]
    assert (frame["ours_windows_per_s"] > 0).all()
    assert (frame["plain_peak_mib"] > 1).all()
    np.testing.assert_allclose(
        frame["speedup"], frame["ours_windows_per_s"] / frame["plain_windows_per_s"], rtol=1e-4
    )
    assert (frame["max_difference"] < 1e-4).all()
    assert "median speed-up" in (tmp_path / "models-cpu.md").read_text()


def test_only_published_forms_have_a_yardstick() -> None:
    models = [resolve(name) for name in names("models")]
    plain = {model.name: build_plain(model.cls, 1, model.architecture.params) for model in models}
    assert {name for name, module in plain.items() if module is not None} == set(PUBLISHED)


def row(model: str, speedup: float) -> Row:
    return Row(model, "step", 16, "fp32", 0, 2.0, 1.0, speedup, 1.0, 3.0, 10.0, 20.0, 1e-6)


def test_new_rows_take_the_place_of_old_ones(tmp_path: Path) -> None:
    path = tmp_path / "speed" / "models-cpu.csv"
    tables.write(tables.merge(path, [row("a", 1.5), row("b", 3.0)]), path, "machine")
    tables.write(tables.merge(path, [row("a", 2.0)]), path, "machine")
    assert dict(pd.read_csv(path)[["model", "speedup"]].itertuples(index=False)) == {
        "a": 2.0,
        "b": 3.0,
    }
    text = path.with_suffix(".md").read_text()
    assert "median speed-up 2.50, least 2.00 (a), of 2 models" in text
