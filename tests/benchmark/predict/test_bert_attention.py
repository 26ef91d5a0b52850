"""Attention and contributions of the published self-attention model, in NumPy."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import erf, softmax

from benchmark.predict.attention import explain
from datamodules.common.seeding import rng_for
from lightning_modules.architectures.cnn_self_attention import SelfAttention
from tests.support.attention_model import TAGS

Float64 = NDArray[np.float64]


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
    explanation = explain(model, TAGS, audio)
    with torch.inference_mode():
        x = model.tokens(torch.from_numpy(audio)[None])[0].double().numpy()
    assert x.shape == (119, 256)
    state = {name: value.double().numpy() for name, value in model.state_dict().items()}
    np.testing.assert_allclose(explanation.attention.sum(-1), 1.0, atol=1e-5)
    first = _bert_attention(state, "encoder.layer.0", x)
    np.testing.assert_allclose(explanation.attention[0, 0], first, atol=1e-4)
    x = _bert_layer(state, "encoder.layer.0", x, first)
    last = _bert_attention(state, "encoder.layer.1", x)
    np.testing.assert_allclose(explanation.attention[0, 1], last, atol=1e-4)
    assert last.max() > 10 / 119
    np.testing.assert_allclose(explanation.received[1], last[:, 0, 1:], atol=1e-4)

    def classify(weights: Float64) -> Float64:
        y = _bert_layer(state, "encoder.layer.1", x, weights)
        return 1 / (
            1 + np.exp(-_dense(state, "dense", np.tanh(_dense(state, "pooler.dense", y[0]))))
        )

    np.testing.assert_allclose(explanation.probabilities, classify(last), atol=1e-4)
    for moment in (0, 31, 32, 90, 117):
        one_hot = np.zeros((8, 119, 119))
        one_hot[:, :, moment + 1] = 1.0
        np.testing.assert_allclose(
            explanation.contributions[:, moment], classify(one_hot), atol=1e-4
        )
    assert np.ptp(explanation.contributions, axis=1).max() > 0.05
