"""A small attention tagger, written with explicit sums so that it can serve as its own check."""

from __future__ import annotations

import math
from typing import ClassVar, Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from datamodules.common.seeding import rng_for
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.layers.attention import AttentionLayer

RATE, FRAME, MOMENTS, WIDTH, HEADS = 1000, 50, 12, 8, 2
TAGS = ("a", "b", "c", "d")


class Layer(AttentionLayer):
    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))

    def split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (HEADS, -1)).transpose(1, 2)  # (B, H, N, D / H)

    def weights(self, x: Tensor) -> Tensor:
        queries, keys = self.split(self.query(x)), self.split(self.key(x))
        return (queries @ keys.mT / math.sqrt(WIDTH / HEADS)).softmax(-1)

    def forward(self, x: Tensor) -> Tensor:
        attention = self.weights(x) if self.forced is None else self.forced
        mixed = (attention @ self.split(self.value(x))).transpose(1, 2).flatten(-2)
        return torch.tanh(x + mixed)


class TinyAttention(TaggingModule):
    identity: ClassVar[str] = "TinyAttention"
    sample_rate = RATE
    input_samples = MOMENTS * FRAME
    title: ClassVar[str] = "Tiny attention"
    paper: ClassVar[str] = "None"
    bibtex: ClassVar[str] = ""

    def __init__(self, **base: Unpack[BaseOptions]) -> None:
        super().__init__(**base)
        self.project = nn.Linear(FRAME, WIDTH)
        self.layers = nn.ModuleList([Layer(), Layer(), Layer()])
        self.dense = nn.Linear(WIDTH, self.n_tags)

    @property
    def attentions(self) -> list[AttentionLayer]:
        return list(self.layers)

    def tokens(self, audio: Tensor) -> Tensor:
        frames = self.project(audio.unflatten(1, (MOMENTS, FRAME)))
        return torch.cat([torch.ones_like(frames[:, :1]), frames], 1)

    def classify(self, tokens: Tensor, first_layer: int = 0) -> Tensor:
        for layer in self.layers[first_layer:]:
            tokens = layer(tokens)
        return self.dense(tokens[:, 0])

    def forward(self, audio: Tensor) -> Tensor:
        return self.classify(self.tokens(audio))


def random_model(n_tags: int = 4) -> TinyAttention:
    """Return a model whose attention is far from uniform."""
    model = TinyAttention.build(3, n_tags=n_tags).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3.0)
    return model


def noise(moments: int) -> NDArray[np.float32]:
    """Return noise of the length of ``moments`` tokens."""
    return rng_for("attention", moments).randn(moments * FRAME).astype(np.float32)
