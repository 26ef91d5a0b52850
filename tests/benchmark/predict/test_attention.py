"""Attention maps and contributions against sums written out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from benchmark.predict.attention import contribution, explain, forcing
from benchmark.predict.inference import predict_windows
from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for
from tests.support.attention_model import (
    FRAME,
    HEADS,
    MOMENTS,
    RATE,
    TAGS,
    WIDTH,
    TinyAttention,
    noise,
    random_model,
)
from tests.support.level_model import Level

Float64 = NDArray[np.float64]
N = MOMENTS + 1


class ReferenceModel:
    """The model on one window in float64, one query, head and token at a time."""

    def __init__(self, model: TinyAttention) -> None:
        self.state = {name: value.double().numpy() for name, value in model.state_dict().items()}

    def linear(self, name: str, x: Float64) -> Float64:
        return x @ self.state[f"{name}.weight"].T + self.state[f"{name}.bias"]

    def tokens(self, audio: NDArray[np.float32]) -> Float64:
        frames = self.linear("project", audio.astype(np.float64).reshape(MOMENTS, FRAME))
        return np.concatenate([np.ones((1, WIDTH)), frames])

    def attention(self, layer: int, x: Float64) -> Float64:
        size = WIDTH // HEADS
        queries, keys = (self.linear(f"layers.{layer}.{part}", x) for part in ("query", "key"))
        weights = np.zeros((HEADS, N, N))
        for head in range(HEADS):
            columns = slice(head * size, (head + 1) * size)
            for query in range(N):
                scores = [
                    queries[query, columns] @ keys[key, columns] / size**0.5 for key in range(N)
                ]
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
    explanation = explain(model, TAGS, audio)
    reference = ReferenceModel(model)
    x = reference.tokens(audio)
    assert explanation.attention.shape == (1, 3, HEADS, N, N)
    for layer in range(3):
        weights = reference.attention(layer, x)
        np.testing.assert_allclose(explanation.attention[0, layer], weights, atol=2e-6)
        x = reference.layer(layer, x, weights)
    np.testing.assert_allclose(explanation.probabilities, reference.probabilities(x), atol=2e-6)
    np.testing.assert_allclose(explanation.attention.sum(-1), 1.0, atol=1e-6)
    assert explanation.attention.max() > 0.9  # far from uniform, so that errors are visible


def test_contribution_is_output_of_one_hot_attention(model):
    audio = noise(MOMENTS)
    explanation = explain(model, TAGS, audio)
    reference = ReferenceModel(model)
    x = reference.tokens(audio)
    for layer in range(2):
        x = reference.layer(layer, x, reference.attention(layer, x))
    for moment in range(MOMENTS):
        one_hot = np.zeros((HEADS, N, N))
        one_hot[:, :, moment + 1] = 1.0
        expected = reference.probabilities(reference.layer(2, x, one_hot))
        np.testing.assert_allclose(explanation.contributions[:, moment], expected, atol=2e-6)


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
    explanation = explain(model, TAGS, noise(MOMENTS))
    maps = explanation.attention[0].astype(np.float64)
    assert explanation.received.shape == (3, HEADS, MOMENTS)
    np.testing.assert_allclose(explanation.received[2], maps[2, :, 0, 1:], atol=1e-6)
    for layer in (0, 1):
        np.testing.assert_allclose(
            explanation.received[layer], maps[layer, :, :, 1:].sum(1), atol=1e-5
        )


def test_long_clips_are_explained_window_by_window(model):
    audio = noise(3 * MOMENTS - 4)
    explanation = explain(model, TAGS, audio, start=7.0)
    n_moments = 3 * MOMENTS - 4
    step = FRAME / RATE
    np.testing.assert_allclose(explanation.times, 7.0 + (np.arange(n_moments) + 0.5) * step)
    assert (explanation.start, explanation.stop) == (7.0, 7.0 + n_moments * step)
    assert explanation.contributions.shape == (len(TAGS), n_moments)
    windows = [audio[: MOMENTS * FRAME], audio[MOMENTS * FRAME :][: MOMENTS * FRAME]]
    windows.append(audio[-MOMENTS * FRAME :])
    parts = [explain(model, TAGS, window) for window in windows]
    curves = [parts[0].contributions, parts[1].contributions, parts[2].contributions[:, 4:]]
    np.testing.assert_allclose(explanation.contributions, np.concatenate(curves, axis=1), atol=1e-6)
    starts = np.array([0, MOMENTS * FRAME, len(audio) - MOMENTS * FRAME])
    scores = predict_windows(model, audio, starts).mean(0)
    np.testing.assert_allclose(explanation.probabilities, scores, atol=1e-6)


def test_repetitions_of_short_clips_are_left_out(model):
    assert len(explain(model, TAGS, noise(5)).times) == 5
    assert len(explain(model, TAGS, noise(5)[:10]).times) == 1


def test_contribution_is_higher_in_the_loud_half():
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
