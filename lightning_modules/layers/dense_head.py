"""Two-layer classifier shared by the taggers of Won et al. 2020."""

from __future__ import annotations

from torch import Tensor, nn

from lightning_modules.layers.fused_batchnorm import BatchNorm1d


class DenseHead(nn.Module):
    """Mixin of a two-layer classifier: dense1, batch norm, ReLU, dropout 0.5, dense2.

    It is not a submodule, because these layers are at the top level of the reference's state dict.
    """

    dense1: nn.Linear
    bn: BatchNorm1d
    dropout: nn.Dropout
    dense2: nn.Linear

    def add_head(self, n_in: int, n_hidden: int, n_tags: int) -> None:
        """Add the layers to the module."""
        self.dense1 = nn.Linear(n_in, n_hidden)
        self.bn = BatchNorm1d(n_hidden)
        self.dropout = nn.Dropout(0.5)
        self.dense2 = nn.Linear(n_hidden, n_tags)

    def head(self, x: Tensor) -> Tensor:
        """Map features (B, n_in) to logits (B, C)."""
        return self.dense2(self.dropout(self.bn(self.dense1(x)).relu()))
