"""Transformer encoder with the layer norm before each sublayer (Xiong et al. 2020).

Attribute names are those of the published Music Tagging Transformer, so that its weights load:
``layers.<i>.0.fn`` is the attention sublayer and ``layers.<i>.1.fn`` the feed-forward one, each
with ``norm`` and ``fn``. Under autocast the residual stream stays in float32.

Shapes: B windows, H heads, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from datamodules.common.errors import TagbenchError
from lightning_modules.layers.attention import AttentionLayer


class Attention(AttentionLayer):
    """Multi-head self-attention, without dropout of the attention itself.

    Args:
        width: D.
        heads: H, a divisor of D.
        dropout: Probability of dropout of the output.
        bias: Whether queries, keys and values have a bias.

    Raises:
        TagbenchError: The heads do not divide the width.
    """

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

    def forward(self, x: Tensor, kept: int | None = None) -> Tensor:
        """Map tokens (B, N, D) to the first ``kept`` tokens (B, kept, D), by default to all."""
        query, key, value = self._split(x)
        if self.forced is None:
            mixed = F.scaled_dot_product_attention(query[:, :, :kept], key, value)
        else:
            mixed = self.forced[:, :, :kept].to(value) @ value
        return self.to_out(mixed.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
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

    def forward(self, x: Tensor, *kept: int | None) -> Tensor:
        """Map tokens (B, N, D) to tokens (B, N, D)."""
        return self.fn(self.norm(x), *kept)


class _Residual(nn.Module):
    """``x + fn(norm(x))``."""

    def __init__(self, width: int, fn: nn.Module) -> None:
        super().__init__()
        self.fn = _Normed(width, fn)

    def forward(self, x: Tensor, *kept: int | None) -> Tensor:
        """Map tokens (B, N, D) to tokens (B, N, D), or to the first ``kept`` of them."""
        y = self.fn(x, *kept)
        return x[:, : y.shape[1]] + y


class Layer(nn.ModuleList):
    """Attention, then a feed-forward network, each added to its input."""

    def __init__(self, width: int, heads: int, dropout: float, *, bias: bool) -> None:
        attention = _Residual(width, Attention(width, heads, dropout, bias=bias))
        super().__init__([attention, _Residual(width, FeedForward(width, dropout))])

    def forward(self, x: Tensor, kept: int | None = None) -> Tensor:
        """Map tokens (B, N, D) to the first ``kept`` tokens (B, kept, D), by default to all."""
        attention, feed_forward = self
        return feed_forward(attention(x, kept))


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
    def attentions(self) -> Sequence[Attention]:
        """Attention layers from the first to the last."""
        return [module for module in self.modules() if isinstance(module, Attention)]

    def forward(self, x: Tensor, kept: int | None = None) -> Tensor:
        """Map tokens (B, N, D) to tokens (B, N, D), or to the first ``kept`` of them.

        The last layer computes queries and the feed-forward network of the kept tokens only.
        """
        last = len(self.layers) - 1
        for index, layer in enumerate(self.layers):
            x = layer(x, kept if index == last else None)
        return x
