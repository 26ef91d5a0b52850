"""Transformer encoder with the layer norm before each sublayer (Xiong et al. 2020).

Attribute names are those of the published Music Tagging Transformer, so that its weights load:
``layers.<i>.0.fn`` is the attention sublayer and ``layers.<i>.1.fn`` the feed-forward one, each
with ``norm`` and ``fn``. Under autocast the residual stream stays in float32.

Shapes: B windows, H heads, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from datamodules.common.errors import TagbenchError
from lightning_modules.layers.attention import AttentionLayer


class _Attention(nn.Module):
    """Multi-head self-attention, without dropout of the attention itself."""

    def __init__(self, width: int, heads: int, dropout: float, *, bias: bool) -> None:
        super().__init__()
        if width % heads:
            raise TagbenchError(
                f"A Transformer of width {width} cannot have {heads} heads: the width must be a "
                f"multiple of {heads}."
            )
        self.heads = heads
        self.to_qkv = nn.Linear(width, 3 * width, bias=bias)
        self.to_out = nn.Sequential(nn.Linear(width, width), nn.Dropout(dropout))

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map tokens (B, N, D) to queries, keys and values (B, H, N, D / H)."""
        query, key, value = self.to_qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return query, key, value

    def weights(self, x: Tensor) -> Tensor:
        """Return the attention (B, H, N, N) between tokens (B, N, D)."""
        query, key, _ = self._split(x)
        return (query @ key.mT * query.shape[-1] ** -0.5).softmax(-1)

    def forward(self, x: Tensor, kept: int | None, forced: Tensor | None) -> Tensor:
        """Map tokens (B, N, D) to the first ``kept`` tokens (B, kept, D)."""
        query, key, value = self._split(x)
        if forced is None:
            mixed = F.scaled_dot_product_attention(query[:, :, :kept], key, value)
        else:
            mixed = forced[:, :, :kept].to(value) @ value
        return self.to_out(mixed.transpose(1, 2).flatten(2))


class _FeedForward(nn.Module):
    """Two linear layers with exact GELU between, four times as wide inside."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(4 * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (B, N, D) to tokens (B, N, D)."""
        return self.net(x)


class _Normed(nn.Module):
    """``fn(norm(x))``."""

    def __init__(self, width: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fn = fn

    def forward(self, x: Tensor, *options: int | Tensor | None) -> Tensor:
        """Map tokens (B, N, D) to tokens (B, N, D)."""
        return self.fn(self.norm(x), *options)


class _Residual(nn.Module):
    """``x + fn(norm(x))``, of as many leading tokens as ``fn`` returns."""

    def __init__(self, width: int, fn: nn.Module) -> None:
        super().__init__()
        self.fn = _Normed(width, fn)

    def forward(self, x: Tensor, *options: int | Tensor | None) -> Tensor:
        """Map tokens (B, N, D) to tokens (B, N, D)."""
        y = self.fn(x, *options)
        return x[:, : y.shape[1]] + y


class Layer(AttentionLayer):
    """Attention, then a feed-forward network, each added to its input.

    Args:
        width: D.
        heads: H.
        dropout: Probability of dropout within the sublayers and of their outputs.
        bias: Whether queries, keys and values have a bias.

    Raises:
        TagbenchError: The heads do not divide the width.
    """

    def __init__(self, width: int, heads: int, dropout: float, *, bias: bool) -> None:
        super().__init__()
        self.add_module("0", _Residual(width, _Attention(width, heads, dropout, bias=bias)))
        self.add_module("1", _Residual(width, _FeedForward(width, dropout)))

    def weights(self, x: Tensor) -> Tensor:
        """Return the attention (B, H, N, N) between tokens (B, N, D)."""
        attention = cast("_Attention", self.get_submodule("0.fn.fn"))
        return attention.weights(self.get_submodule("0.fn.norm")(x))

    def forward(self, x: Tensor, kept: int | None = None) -> Tensor:
        """Map tokens (B, N, D) to the first ``kept`` tokens (B, kept, D), by default to all."""
        attention, feed_forward = self.children()
        return feed_forward(attention(x, kept, self.forced))


class Encoder(nn.Module):
    """Stack of pre-norm layers, without a norm at its end.

    Args:
        width: D.
        heads: H, a divisor of D.
        n_layers: Number of layers.
        dropout: Probability of dropout within the sublayers and of their outputs.
        bias: Whether queries, keys and values have a bias.
    """

    def __init__(
        self, width: int, heads: int, n_layers: int, *, dropout: float, bias: bool = False
    ) -> None:
        super().__init__()
        layers = [Layer(width, heads, dropout, bias=bias) for _ in range(n_layers)]
        self.layers = nn.ModuleList(layers)

    @property
    def attentions(self) -> Sequence[AttentionLayer]:
        """Attention layers from the first to the last."""
        return [layer for layer in self.layers if isinstance(layer, AttentionLayer)]

    def forward(self, x: Tensor, kept: int | None = None, first_layer: int = 0) -> Tensor:
        """Map tokens (B, N, D) to tokens (B, N, D), or to the first ``kept`` of them.

        The last layer computes queries and the feed-forward network of the kept tokens only.

        Args:
            x: Input of layer ``first_layer``.
            kept: Number of leading tokens to return, all of them by default.
            first_layer: Index of the first layer to apply.
        """
        last = len(self.layers) - 1
        for index in range(first_layer, len(self.layers)):
            x = self.layers[index](x, kept if index == last else None)
        return x
