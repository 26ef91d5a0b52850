"""Attention maps and contributions against sums written out by hand."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import soundfile as sf
import torch
from numpy.typing import NDArray
from scipy.special import erf, softmax
from typer.testing import CliRunner

from benchmark.checkpoints.checkpoint import Source, save_checkpoint
from benchmark.cli import app
from benchmark.config.identity import Architecture
from benchmark.predict.attention import contribution, explain, forcing
from benchmark.predict.attention_plots import write
from benchmark.predict.inference import predict_windows
from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for
from lightning_modules.architectures.cnn_self_attention import SelfAttention
from tests.support.attention_model import (
    FRAME,
    HEADS,
    MOMENTS,
    RATE,
    WIDTH,
    TinyAttention,
    random_model,
)
from tests.support.level_model import Level

Float64 = NDArray[np.float64]
TAGS = ("a", "b", "c", "d")
N = MOMENTS + 1


def noise(moments: int) -> NDArray[np.float32]:
    return rng_for("attention", moments).randn(moments * FRAME).astype(np.float32)


class ByHand:
    """The model of one window in float64, one query, head and token at a time."""

    def __init__(self, model: TinyAttention) -> None:
        self.state = {name: value.double().numpy() for name, value in model.state_dict().items()}

    def linear(self, name: str, x: Float64) -> Float64:
        return x @ self.state[f"{name}.weight"].T + self.state[f"{name}.bias"]

    def tokens(self, audio: NDArray[np.float32]) -> Float64:
        frames = self.linear("embed", audio.astype(np.float64).reshape(MOMENTS, FRAME))
        return np.concatenate([np.ones((1, WIDTH)), frames])

    def attention(self, layer: int, x: Float64) -> Float64:
        size = WIDTH // HEADS
        queries, keys = (self.linear(f"layers.{layer}.{part}", x) for part in ("query", "key"))
        weights = np.zeros((HEADS, N, N))
        for head in range(HEADS):
            own = slice(head * size, (head + 1) * size)
            for query in range(N):
                scores = [queries[query, own] @ keys[key, own] / size**0.5 for key in range(N)]
                weights[head, query] = np.exp(scores) / np.exp(scores).sum()
        return weights

    def layer(self, layer: int, x: Float64, weights: Float64) -> Float64:
        size = WIDTH // HEADS
        values = self.linear(f"layers.{layer}.value", x)
        heads = [weights[h] @ values[:, h * size : (h + 1) * size] for h in range(HEADS)]
        return np.tanh(x + np.concatenate(heads, axis=1))

    def probabilities(self, x: Float64) -> Float64:
        return 1 / (1 + np.exp(-self.linear("dense", x[:1])[0]))


@pytest.fixture(scope="module")
def model() -> TinyAttention:
    return random_model(len(TAGS))


def test_attention_is_that_of_the_definition(model):
    audio = noise(MOMENTS)
    found = explain(model, TAGS, audio)
    hand = ByHand(model)
    x = hand.tokens(audio)
    assert found.attention.shape == (1, 3, HEADS, N, N)
    for layer in range(3):
        weights = hand.attention(layer, x)
        np.testing.assert_allclose(found.attention[0, layer], weights, atol=2e-6)
        x = hand.layer(layer, x, weights)
    np.testing.assert_allclose(found.probabilities, hand.probabilities(x), atol=2e-6)
    np.testing.assert_allclose(found.attention.sum(-1), 1.0, atol=1e-6)
    assert found.attention.max() > 0.9  # far from uniform, or the test would prove little


def test_contribution_is_output_of_one_hot_attention(model):
    audio = noise(MOMENTS)
    found = explain(model, TAGS, audio)
    hand = ByHand(model)
    x = hand.tokens(audio)
    for layer in range(2):
        x = hand.layer(layer, x, hand.attention(layer, x))
    for moment in range(MOMENTS):
        one_hot = np.zeros((HEADS, N, N))
        one_hot[:, :, moment + 1] = 1.0
        expected = hand.probabilities(hand.layer(2, x, one_hot))
        np.testing.assert_allclose(found.contributions[:, moment], expected, atol=2e-6)


def test_forcing_own_attention_changes_nothing(model):
    tokens = model.tokens(torch.from_numpy(noise(MOMENTS))[None])
    with torch.inference_mode():
        plain = model.classify(tokens)
        layer = model.attentions[0]
        with forcing(layer, layer.weights(tokens)):
            assert torch.equal(model.classify(tokens), plain)
        with forcing(layer, torch.eye(N)[None, None]):
            assert not torch.allclose(model.classify(tokens), plain, atol=0.01)
        contribution(model, tokens)
        assert torch.equal(model.classify(tokens), plain)  # nothing stays forced


def test_received_attention_comes_from_class_token_in_last_layer(model):
    found = explain(model, TAGS, noise(MOMENTS))
    maps = found.attention[0].astype(np.float64)
    assert found.received.shape == (3, HEADS, MOMENTS)
    np.testing.assert_allclose(found.received[2], maps[2, :, 0, 1:], atol=1e-6)
    for layer in (0, 1):
        np.testing.assert_allclose(found.received[layer], maps[layer, :, :, 1:].sum(1), atol=1e-5)


def test_long_clips_are_explained_window_by_window(model):
    audio = noise(3 * MOMENTS - 4)
    found = explain(model, TAGS, audio, start=7.0)
    n_moments = 3 * MOMENTS - 4
    step = FRAME / RATE
    np.testing.assert_allclose(found.times, 7.0 + (np.arange(n_moments) + 0.5) * step)
    assert (found.start, found.stop) == (7.0, 7.0 + n_moments * step)
    assert found.contributions.shape == (len(TAGS), n_moments)
    windows = [audio[: MOMENTS * FRAME], audio[MOMENTS * FRAME :][: MOMENTS * FRAME]]
    windows.append(audio[-MOMENTS * FRAME :])
    parts = [explain(model, TAGS, window) for window in windows]
    curves = [parts[0].contributions, parts[1].contributions, parts[2].contributions[:, 4:]]
    np.testing.assert_allclose(found.contributions, np.concatenate(curves, axis=1), atol=1e-6)
    starts = np.array([0, MOMENTS * FRAME, len(audio) - MOMENTS * FRAME])
    scores = predict_windows(model, audio, starts).mean(0)
    np.testing.assert_allclose(found.probabilities, scores, atol=1e-6)


def test_repetitions_of_short_clips_are_left_out(model):
    assert len(explain(model, TAGS, noise(5)).times) == 5
    assert len(explain(model, TAGS, noise(5)[:10]).times) == 1


def test_contribution_finds_the_loud_half():
    model = TinyAttention.build(0, n_tags=1)
    rng = rng_for("loud")
    loud = rng.rand(256) < 0.5
    gains = np.where(loud, 1.0, 0.05)[:, None]
    audio = torch.from_numpy((gains * rng.randn(256, MOMENTS * FRAME)).astype(np.float32)).abs()
    targets = torch.from_numpy(loud[:, None].astype(np.float32))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(60):
        optimizer.zero_grad()
        model.losses(model(audio), targets).mean().backward()
        optimizer.step()
    gain = np.repeat([1.0, 0.05], MOMENTS * FRAME // 2)
    spliced = np.abs(gain * rng.randn(MOMENTS * FRAME)).astype(np.float32)
    curve = explain(model.eval(), ("loud",), spliced).contributions[0]
    assert curve[: MOMENTS // 2].min() > curve[MOMENTS // 2 :].max() + 0.05


def test_model_without_attention_is_refused():
    with pytest.raises(TagbenchError, match="Level has no attention layers"):
        explain(Level.build(0, n_tags=4).eval(), TAGS, noise(9))


# Files


def test_tables_and_arrays_hold_the_explanation(model, tmp_path):
    found = explain(model, TAGS, noise(MOMENTS))
    paths = write(found, tmp_path / "deep/clip", "clip", 3)
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == [
        "clip.attention.csv",
        "clip.attention.png",
        "clip.contributions.csv",
        "clip.contributions.png",
        "clip.npz",
    ]
    with np.load(paths[0]) as arrays:
        assert arrays["tags"].tolist() == list(TAGS)
        np.testing.assert_array_equal(arrays["attention"], found.attention)
        np.testing.assert_array_equal(arrays["contributions"], found.contributions)
    header, *rows = csv.reader(paths[1].read_text(encoding="utf-8").splitlines())
    assert header[:4] == ["seconds", "layer1.head1", "layer1.head2", "layer1.mean"]
    assert len(header) == 10
    table = np.float64(rows)
    np.testing.assert_allclose(table[:, 0], found.times, atol=5e-4)
    np.testing.assert_allclose(table[:, 8], found.received[2, 1], atol=1e-6)
    np.testing.assert_allclose(table[:, 9], found.received[2].mean(0), atol=1e-6)
    header, *rows = csv.reader(paths[2].read_text(encoding="utf-8").splitlines())
    assert header == ["seconds", *TAGS]
    np.testing.assert_allclose(np.float64(rows)[:, 1:], found.contributions.T, atol=1e-6)


def test_command_explains_a_part_of_a_file(model, tmp_path):
    save_checkpoint(
        tmp_path / "tiny",
        model,
        model="tiny",
        title="Tiny",
        dataset="mine",
        architecture=Architecture(
            identity="TinyAttention",
            revision=1,
            params={},
            sample_rate=RATE,
            window=MOMENTS * FRAME,
        ),
        tags=TAGS,
        windows="tiled",
        source=Source(file="none", sha256="0" * 64),
    )
    audio = noise(2 * MOMENTS)
    sf.write(tmp_path / "x.wav", audio, RATE, subtype="FLOAT")
    given = ["explain", str(tmp_path / "x.wav"), "-c", str(tmp_path / "tiny")]
    where = ["--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*given, *where, "--start", "0.1", "--seconds", "0.6"])
    assert result.exit_code == 0
    assert result.output.count("Wrote ") == 5
    expected = explain(model, TAGS, audio[100:700], start=0.1)
    with np.load(tmp_path / "out/x.npz") as arrays:
        np.testing.assert_allclose(arrays["times"], expected.times)
        np.testing.assert_allclose(arrays["contributions"], expected.contributions, atol=1e-6)
    result = CliRunner().invoke(app, [*given, *where, "--start", "9"])
    assert isinstance(result.exception, TagbenchError)
    assert "x.wav is 1.20 s long" in str(result.exception)


# The published architecture


def _dense(state: dict[str, Float64], name: str, x: Float64) -> Float64:
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def _normed(state: dict[str, Float64], name: str, x: Float64) -> Float64:
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
    return x * state[f"{name}.weight"] + state[f"{name}.bias"]


def _bert_layer(state: dict[str, Float64], name: str, x: Float64, weights: Float64) -> Float64:
    """One post-norm layer with a given attention (8, N, N)."""
    values = _dense(state, f"{name}.attention.self.value", x).reshape(len(x), 8, 32)
    mixed = np.einsum("hqk,khd->qhd", weights, values).reshape(len(x), 256)
    x = _normed(
        state,
        f"{name}.attention.output.LayerNorm",
        _dense(state, f"{name}.attention.output.dense", mixed) + x,
    )
    hidden = _dense(state, f"{name}.intermediate.dense", x)
    hidden = hidden * 0.5 * (1 + erf(hidden / np.sqrt(2)))
    return _normed(
        state, f"{name}.output.LayerNorm", _dense(state, f"{name}.output.dense", hidden) + x
    )


def _bert_attention(state: dict[str, Float64], name: str, x: Float64) -> Float64:
    query = _dense(state, f"{name}.attention.self.query", x).reshape(len(x), 8, 32)
    key = _dense(state, f"{name}.attention.self.key", x).reshape(len(x), 8, 32)
    return softmax(np.einsum("qhd,khd->hqk", query, key) / np.sqrt(32), axis=-1)


def test_self_attention_of_2019_is_explained_exactly():
    model = SelfAttention.build(1, n_tags=4).eval()
    with torch.no_grad():
        for layer in model.encoder.layer:
            for part in ("query", "key"):  # attention far from uniform
                getattr(layer.attention["self"], part).weight.mul_(12.0)
        model.dense.weight.mul_(8.0)
    audio = rng_for("music").randn(SelfAttention.input_samples).astype(np.float32)
    audio *= np.linspace(0, 1, len(audio), dtype=np.float32) ** 2
    found = explain(model, TAGS, audio)
    with torch.inference_mode():
        x = model.tokens(torch.from_numpy(audio)[None])[0].double().numpy()
    assert x.shape == (119, 256)
    state = {name: value.double().numpy() for name, value in model.state_dict().items()}
    np.testing.assert_allclose(found.attention.sum(-1), 1.0, atol=1e-5)
    first = _bert_attention(state, "encoder.layer.0", x)
    np.testing.assert_allclose(found.attention[0, 0], first, atol=1e-4)
    x = _bert_layer(state, "encoder.layer.0", x, first)
    last = _bert_attention(state, "encoder.layer.1", x)
    np.testing.assert_allclose(found.attention[0, 1], last, atol=1e-4)
    assert last.max() > 10 / 119
    np.testing.assert_allclose(found.received[1], last[:, 0, 1:], atol=1e-4)

    def classify(weights: Float64) -> Float64:
        y = _bert_layer(state, "encoder.layer.1", x, weights)
        return 1 / (
            1 + np.exp(-_dense(state, "dense", np.tanh(_dense(state, "pooler.dense", y[0]))))
        )

    np.testing.assert_allclose(found.probabilities, classify(last), atol=1e-4)
    for moment in (0, 31, 32, 90, 117):
        one_hot = np.zeros((8, 119, 119))
        one_hot[:, :, moment + 1] = 1.0
        np.testing.assert_allclose(found.contributions[:, moment], classify(one_hot), atol=1e-4)
    assert np.ptp(found.contributions, axis=1).max() > 0.05
