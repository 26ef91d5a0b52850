"""Protocol of self-attention taggers, which ``tagbench explain`` needs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor, nn


class AttentionLayer(nn.Module):
    """A layer of self-attention over tokens.

    Attributes:
        forced: Attention (B, 1 or H, N, N) that ``forward`` uses instead of its own; None for its
            own.
    """

    def __init__(self) -> None:
        super().__init__()
        self.forced: Tensor | None = None

    @abstractmethod
    def weights(self, x: Tensor) -> Tensor:
        """Return the attention (B, H, N, N) between tokens (B, N, D)."""


@runtime_checkable
class AttentionModel(Protocol):
    """A tagger whose ``forward(audio)`` is ``classify(tokens(audio))``.

    Token 0 is the class token, the only output of the last layer that the tags depend on; the
    others are evenly spaced over the window.
    """

    @property
    def attentions(self) -> Sequence[AttentionLayer]:
        """The layers from first to last; none if the model is configured without attention."""

    def tokens(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to tokens (B, N, D)."""

    def classify(self, tokens: Tensor, first_layer: int = 0) -> Tensor:
        """Map the input (B, N, D) of a layer to logits (B, C)."""

    def probabilities(self, logits: Tensor) -> Tensor:
        """Map logits (B, C) to probabilities (B, C)."""
