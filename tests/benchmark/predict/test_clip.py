"""Clips of files and of spliced files, and the command that explains them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from benchmark.checkpoints.checkpoint import save_checkpoint
from benchmark.cli import app
from benchmark.config.card import Source
from benchmark.config.identity import Architecture
from benchmark.predict.attention import contribution, explain, forcing
from benchmark.predict.attention_plots import write
from benchmark.predict.clip import Part
from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for
from tests.support.attention_model import FRAME, MOMENTS, RATE, random_model

TAGS = ("a", "b", "c", "d")
WINDOW = MOMENTS * FRAME


def noise(name: str, moments: int) -> NDArray[np.float32]:
    return rng_for("clip", name).randn(moments * FRAME).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    save_checkpoint(
        folder / "tiny",
        random_model(len(TAGS)),
        model="tiny",
        title="Tiny",
        dataset="mine",
        architecture=Architecture(
            identity="TinyAttention", revision=1, params={}, sample_rate=RATE, window=WINDOW
        ),
        tags=TAGS,
        windows="tiled",
        source=Source(file="none", sha256="0" * 64),
    )
    for name, moments in (("quiet", 20), ("loud", 15)):
        sf.write(folder / f"{name}.wav", noise(name, moments), RATE, subtype="FLOAT")
    return folder


def run(folder: Path, *arguments: str) -> Result:
    out = ["-c", str(folder / "tiny"), "--out", str(folder / "out"), "--device", "cpu"]
    return CliRunner().invoke(app, ["explain", *arguments, *out])


def files(folder: Path) -> list[str]:
    return [str(folder / "quiet.wav"), str(folder / "loud.wav")]


def test_splice_is_one_window_of_equal_parts(folder):
    result = run(folder, *files(folder), "--splice", "--start", "0.1")
    assert result.exit_code == 0, result.output
    half = slice(100, 100 + WINDOW // 2)
    clip = np.concatenate([noise("quiet", 20)[half], noise("loud", 15)[half]])
    expected = explain(random_model(len(TAGS)), TAGS, clip)
    with np.load(folder / "out/quiet+loud.npz") as arrays:
        np.testing.assert_allclose(arrays["contributions"], expected.contributions, atol=1e-6)
        np.testing.assert_allclose(arrays["times"], expected.times)
        assert arrays["part_names"].tolist() == ["quiet.wav", "loud.wav"]
        assert arrays["part_starts"].tolist() == [0.0, WINDOW / 2 / RATE]


def test_splice_of_a_stated_length_covers_several_windows(folder):
    assert run(folder, *files(folder), "--splice", "--seconds", "1.2").exit_code == 0
    with np.load(folder / "out/quiet+loud.npz") as arrays:
        assert arrays["contributions"].shape == (4, 24)
        assert arrays["part_starts"].tolist() == [0.0, 0.6]


def test_files_are_explained_one_by_one(folder):
    assert run(folder, *files(folder)).output.count("Wrote ") == 10
    for name, moments in (("quiet", 20), ("loud", 15)):
        with np.load(folder / f"out/{name}.npz") as arrays:
            assert arrays["times"].shape == (moments,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["quiet.wav", "--splice"], "joins two files or more, got 1"),
        (
            ["quiet.wav", "loud.wav", "--splice", "--start", "0.5"],
            "loud.wav has 0.25 s after --start 0.5, and 0.30 s are needed",
        ),
        (["loud.wav", "--layer", "4"], "--layer 4: the model has the layers 1 to 3"),
    ],
)
def test_impossible_clips_are_refused(folder, arguments, message):
    paths = [str(folder / item) if item.endswith(".wav") else item for item in arguments]
    error = run(folder, *paths).exception
    assert isinstance(error, TagbenchError)
    assert message in str(error)


def test_earlier_layer_is_forced_for_all_queries():
    model = random_model(len(TAGS))
    with torch.inference_mode():
        tokens = model.tokens(torch.from_numpy(noise("quiet", MOMENTS))[None])
        for layer in range(3):
            curve = contribution(model, tokens, layer)
            one_hot = torch.zeros(1, 1, MOMENTS + 1, MOMENTS + 1)
            one_hot[..., 5] = 1.0
            with forcing(model.attentions[layer], one_hot):
                expected = model.probabilities(model.classify(tokens))[0]
            np.testing.assert_allclose(curve[5], expected.numpy(), atol=1e-6)
        first = contribution(model, tokens, 0)[1:]
    found = explain(model, TAGS, noise("quiet", MOMENTS), layer=1)
    np.testing.assert_allclose(found.contributions.T, first, atol=1e-6)


def test_pictures_of_a_splice_show_the_joint(tmp_path):
    found = explain(random_model(len(TAGS)), TAGS, noise("quiet", MOMENTS))
    plain = write(found, tmp_path / "plain", "title", 3)
    parts = [Part("one.wav", 0.0), Part("x" * 200, 0.3)]
    marked = write(found, tmp_path / "marked", "title", 3, parts)
    for before, after in zip(plain[3:], marked[3:], strict=True):
        assert before.read_bytes() != after.read_bytes()
