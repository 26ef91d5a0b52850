"""Standardisation of features by constants."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_CONSTANT = 1e-8  # standard deviation below which a feature is only centred


class Standardise(nn.Module):
    """Subtract a mean and divide by a standard deviation, which are not learned.

    Both are buffers, so that they are part of a checkpoint. Before they are set, features pass
    unchanged.

    Args:
        width: Number of features.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))

    def set_moments(self, mean: Tensor, deviation: Tensor) -> None:
        """Set the mean and the standard deviation of each feature (width,)."""
        self.mean.copy_(mean)
        self.deviation.copy_(torch.where(deviation > _CONSTANT, deviation, 1.0))

    def forward(self, features: Tensor) -> Tensor:
        """Map features (..., width) to standardised features."""
        return (features - self.mean) / self.deviation
