"""Measuring models, and the equality of our forms with the plain ones that they are compared to."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from benchmark.experiment_files import names
from benchmark.speed import tables
from benchmark.speed.__main__ import app
from benchmark.speed.baselines.build import build_plain
from benchmark.speed.models import ModelRow, timed_rows
from benchmark.speed.synthetic import N_TAGS, synthetic_audio
from benchmark.speed.task import BenchTask
from benchmark.speed.worker import own_model, plain_model, resolve

# Trainable parameters at 50 tags, as published with the reference.
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
    plain = plain_model(model)
    assert plain is not None
    return own_model(model, plain), plain


@pytest.mark.parametrize(
    "name", [*SIZES, *(pytest.param(name, marks=pytest.mark.slow) for name in VARIANTS)]
)
def test_plain_form_gives_our_outputs(name: str) -> None:
    ours, plain = pair(name)
    audio = synthetic_audio(2, resolve(name).architecture.window)
    with torch.inference_mode():
        expected, got = plain.eval()(audio), ours.eval()(audio)
    assert got.shape == (2, N_TAGS)
    # Equality of outputs that hardly depend on the input would be no evidence.
    assert (expected[0] - expected[1]).abs().max() > 0.01
    torch.testing.assert_close(got.sigmoid(), expected.sigmoid(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", SIZES)
def test_plain_form_has_published_size(name: str) -> None:
    plain = plain_model(resolve(name))
    assert plain is not None
    assert sum(parameter.numel() for parameter in plain.parameters()) == SIZES[name]


class Fixed(nn.Module):
    """Returns the same map for any audio."""

    def __init__(self, value: torch.Tensor) -> None:
        super().__init__()
        self.value = value

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        return self.value


def share_front_end(ours: nn.Module, plain: nn.Module, audio: torch.Tensor) -> None:
    """Give both forms the same map: front ends compute in float32, whose rounding moves maxima."""
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
    audio = synthetic_audio(3, max(cls.min_samples, min(cls.input_samples, 80_000)))
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
    # Gradients that are zero but for rounding, as of a bias before a batch norm, need the scale.
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
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    frame = pd.read_csv(tmp_path / "models-cpu.csv")
    assert list(frame["mode"]) == ["forward", "step"]
    assert (frame["ours_windows_per_s"] > 0).all()
    assert (frame["plain_peak_mib"] > 1).all()
    assert (frame["max_difference"] < 1e-4).all()
    assert "median speed-up" in (tmp_path / "models-cpu.md").read_text()


class KnownTimes:
    """A runner whose turns take given seconds."""

    task = BenchTask("a", batch=8)

    def __init__(self, probability: float, mib: int, *turns: float) -> None:
        self.probability, self.mib = probability, mib
        self.turns = cycle((turns[0], *turns))  # the first call finds the number of runs

    def ask(self, method: str, *arguments: object) -> Any:
        if method == "probabilities":
            return np.array([0.5, self.probability])
        return self.mib * 2**20 if method == "peak_bytes" else next(self.turns)


def test_forms_are_compared_turn_by_turn() -> None:
    ours, plain = KnownTimes(0.25, 10, 1.0, 2.0, 4.0), KnownTimes(0.75, 30, 3.0, 4.0, 20.0)
    forward, step = timed_rows([ours, plain], repeats=3)
    assert (forward.mode, step.mode) == ("forward", "step")
    assert (forward.speedup_low, forward.speedup, forward.speedup_high) == (2.5, 3.0, 4.0)
    assert (forward.ours_windows_per_s, forward.plain_windows_per_s) == (8 / 2.0, 8 / 4.0)
    assert (forward.ours_peak_mib, forward.plain_peak_mib) == (10.0, 30.0)
    assert forward.max_difference == 0.5
    assert step == replace(forward, mode="step")


def test_only_published_models_have_a_plain_form() -> None:
    models = [resolve(name) for name in names("models")]
    plain = {model.name: build_plain(model.cls, 1, model.architecture.params) for model in models}
    assert {name for name, module in plain.items() if module is not None} == set(PUBLISHED)


def row(model: str, speedup: float) -> ModelRow:
    return ModelRow(model, "step", 16, "fp32", 0, 2.0, 1.0, speedup, 1.0, 3.0, 10.0, 20.0, 1e-6)


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
