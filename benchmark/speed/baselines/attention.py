"""Self-attention tagger of Won et al. 2019, as evaluated in 2020; it returns logits."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.speed.baselines.blocks import LogMel, Res2d


class _SelfAttention(nn.Module):
    def __init__(self, size: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.head_size = heads, size // heads
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(size, size)
        self.value = nn.Linear(size, size)
        self.dropout = nn.Dropout(dropout)

    def _split(self, x: Tensor) -> Tensor:
        return x.view(x.size(0), x.size(1), self.heads, self.head_size).permute(0, 2, 1, 3)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (self._split(layer(x)) for layer in (self.query, self.key, self.value))
        scores = torch.matmul(query, key.transpose(-1, -2)) / math.sqrt(self.head_size)
        weights = self.dropout(torch.softmax(scores, dim=-1))
        mixed = torch.matmul(weights, value).permute(0, 2, 1, 3).contiguous()
        return mixed.view(x.size(0), x.size(1), -1)


class _Output(nn.Module):
    def __init__(self, n_in: int, size: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(n_in, size)
        self.LayerNorm = nn.LayerNorm(size, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, shortcut: Tensor) -> Tensor:
        return self.LayerNorm(self.dropout(self.dense(x)) + shortcut)


class _Dense(nn.Module):
    def __init__(self, n_in: int, n_out: int, activation: nn.Module) -> None:
        super().__init__()
        self.dense = nn.Linear(n_in, n_out)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.dense(x))


class _Layer(nn.Module):
    def __init__(self, size: int, inner: int) -> None:
        super().__init__()
        self.attention = nn.ModuleDict(
            {"self": _SelfAttention(size, 8, 0.5), "output": _Output(size, size, 0.4)}
        )
        self.intermediate = _Dense(size, inner, nn.GELU())
        self.output = _Output(inner, size, 0.4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.attention["output"](self.attention["self"](x), x)
        return self.output(self.intermediate(x), x)


class _Encoder(nn.Module):
    def __init__(self, size: int, inner: int, layers: int) -> None:
        super().__init__()
        self.layer = nn.ModuleList([_Layer(size, inner) for _ in range(layers)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layer:
            x = layer(x)
        return x


class SelfAttention(LogMel):
    """Seven residual blocks that pool frequency away, two BERT layers, a constant class token."""

    def __init__(self, *, n_tags: int, n_mels: int = 128) -> None:
        super().__init__(n_mels)
        self.layer1 = Res2d(1, 128, 2)
        self.layer2 = Res2d(128, 128, 2)
        self.layer3 = Res2d(128, 256, 2)
        self.layer4 = Res2d(256, 256, (2, 1))
        self.layer5 = Res2d(256, 256, (2, 1))
        self.layer6 = Res2d(256, 256, (2, 1))
        self.layer7 = Res2d(256, 256, (2, 1))
        token = torch.tensor(np.random.RandomState(0).random_sample((1, 256)), dtype=torch.float32)
        self.register_buffer("token", token, persistent=False)
        self.encoder = _Encoder(256, 1024, 2)
        self.pooler = _Dense(256, 256, nn.Tanh())
        self.dropout = nn.Dropout(0.5)
        self.dense = nn.Linear(256, n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        x = self.map(audio)
        convolutions = (self.layer1, self.layer2, self.layer3, self.layer4)
        for layer in (*convolutions, self.layer5, self.layer6, self.layer7):
            x = layer(x)
        x = x.squeeze(2).permute(0, 2, 1)
        token = self.get_buffer("token").repeat(x.size(0), 1).unsqueeze(1)
        x = self.encoder(torch.cat([token, x], dim=1))
        return self.dense(self.dropout(self.pooler(x[:, 0])))
