"""Transformer over the frames of a front end (Won et al. 2019), with the names of the reference.

Shapes: B windows, N tokens, D width.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from lightning_modules.layers.bert_encoder import (
    EPS,
    HIDDEN_DROPOUT,
    Encoder,
    Pooler,
    class_token,
)

MAX_TOKENS = 271
"""Most tokens, the class token included: the default of the reference."""

Positions = Literal["sinusoidal", "learned"]


class SinusoidalPositions(nn.Module):
    """Add sine and cosine of the position to every token but the first."""

    table: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        position, column = np.mgrid[:MAX_TOKENS, :width]
        angle = position / 10000 ** (column // 2 * 2 / width)
        table = np.where(column % 2, np.cos(angle), np.sin(angle))
        table[0] = 0
        self.register_buffer("table", torch.from_numpy(table).float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, N, D) to (B, N, D)."""
        return x + self.table[: x.shape[1]]


class LearnedPositions(nn.Module):
    """Add a learned vector for each position, then layer norm and dropout."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.position_embeddings = nn.Embedding(MAX_TOKENS, width)
        self.LayerNorm = nn.LayerNorm(width, eps=EPS)
        self.dropout = nn.Dropout(HIDDEN_DROPOUT)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, N, D) to (B, N, D)."""
        return self.dropout(self.LayerNorm(x + self.position_embeddings.weight[: x.shape[1]]))


class AttentionBack(nn.Module):
    """Two Transformer layers over a constant class token and the frames; the pooled class token.

    Args:
        width: Channels of the front end, D.
        positions: Encoding of the positions.
    """

    cls: Tensor

    def __init__(self, width: int, positions: Positions) -> None:
        super().__init__()
        kinds = {"sinusoidal": SinusoidalPositions, "learned": LearnedPositions}
        self.embedding = kinds[positions](width)
        self.encoder = Encoder(width, heads=8, n_layers=2, attention_dropout=0.4)
        self.pooler = Pooler(width)
        self.register_buffer("cls", class_token(width), persistent=False)

    def embed(self, x: Tensor) -> Tensor:
        """Map frames (B, N - 1, D) to tokens (B, N, D) with positions, the class token first."""
        x = torch.cat([self.cls.to(x).expand(len(x), 1, -1), x], 1)
        return self.embedding(x)

    def forward(self, x: Tensor, first_layer: int = 0) -> Tensor:
        """Map the input (B, N, D) of an encoder layer to (B, D)."""
        return self.pooler(self.encoder(x, first_layer))
