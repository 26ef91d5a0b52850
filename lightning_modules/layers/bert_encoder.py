"""Transformer encoder as in BERT (post-norm), with the key names of the reference.

Shapes: B windows, H heads, N tokens, D width.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_modules.layers.attention import AttentionLayer

HIDDEN_DROPOUT = 0.4
ATTENTION_DROPOUT = 0.5
EPS = 1e-12


class _SelfAttention(nn.Module):
    """Projections to queries, keys and values: ``attention.self``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)


class _Output(nn.Module):
    """Projection, dropout, and layer norm of the sum with the input."""

    def __init__(self, n_in: int, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(n_in, width)
        self.LayerNorm = nn.LayerNorm(width, eps=EPS)
        self.dropout = nn.Dropout(HIDDEN_DROPOUT)

    def forward(self, x: Tensor, shortcut: Tensor) -> Tensor:
        """Map (B, N, n_in) and (B, N, D) to (B, N, D)."""
        return self.LayerNorm(self.dropout(self.dense(x)) + shortcut)


class EncoderLayer(AttentionLayer):
    """Self-attention, then a feed-forward network of four times the width with exact GELU."""

    def __init__(
        self, width: int, heads: int, attention_dropout: float = ATTENTION_DROPOUT
    ) -> None:
        super().__init__()
        self.heads, self.attention_dropout = heads, attention_dropout
        self.attention = nn.ModuleDict(
            {"self": _SelfAttention(width), "output": _Output(width, width)}
        )
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, 4 * width)})
        self.output = _Output(4 * width, width)

    def _split(self, name: str, x: Tensor) -> Tensor:
        """Project tokens (B, N, D) and split the heads: (B, H, N, D / H)."""
        projection = getattr(self.attention["self"], name)
        return projection(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def weights(self, x: Tensor) -> Tensor:
        """Return the attention (B, H, N, N) between tokens (B, N, D)."""
        query, key = self._split("query", x), self._split("key", x)
        return (query @ key.mT * query.shape[-1] ** -0.5).softmax(-1)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (B, N, D) to tokens (B, N, D)."""
        value = self._split("value", x)
        if self.forced is not None:
            mixed = self.forced.to(value) @ value
        else:
            mixed = F.scaled_dot_product_attention(
                self._split("query", x),
                self._split("key", x),
                value,
                dropout_p=self.attention_dropout if self.training else 0.0,
            )
        x = self.attention["output"](mixed.transpose(1, 2).flatten(2), x)
        return self.output(F.gelu(self.intermediate["dense"](x)), x)


class Encoder(nn.Module):
    """Stack of encoder layers: ``encoder.layer``."""

    def __init__(
        self,
        width: int,
        heads: int,
        n_layers: int,
        attention_dropout: float = ATTENTION_DROPOUT,
    ) -> None:
        super().__init__()
        layers = [EncoderLayer(width, heads, attention_dropout) for _ in range(n_layers)]
        self.layer = nn.ModuleList(layers)

    @property
    def attentions(self) -> list[AttentionLayer]:
        """Attention layers from the first to the last."""
        return [layer for layer in self.layer if isinstance(layer, AttentionLayer)]

    def forward(self, x: Tensor, first_layer: int = 0) -> Tensor:
        """Map tokens (B, N, D), the input of layer ``first_layer``, to tokens (B, N, D)."""
        for layer in self.layer[first_layer:]:
            x = layer(x)
        return x


def class_token(width: int) -> Tensor:
    """Return token 0 of the reference implementations, a constant (1, D) that is not learned.

    They draw it with NumPy's seed 0 and do not store it in checkpoints.
    """
    constant = np.random.RandomState(0).uniform(0, 1, (1, width))
    return torch.from_numpy(constant).float()


class Pooler(nn.Module):
    """Dense layer and tanh on token 0."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (B, N, D) to (B, D)."""
        return self.dense(x[:, 0]).tanh()
