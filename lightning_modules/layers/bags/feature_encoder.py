"""Instances from features that describe a whole track."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lightning_modules.layers.frames.standardise import Standardise


class FeatureEncoder(nn.Module):
    """Standardised features, as they are or after a hidden layer.

    Args:
        columns: Columns of the view that are used.
        hidden: Units of a hidden layer with ReLU and of the linear layer after it; None for the
            features themselves.

    Attributes:
        size: Values of an instance, H.
    """

    columns: Tensor

    def __init__(self, columns: Sequence[int], hidden: int | None = None) -> None:
        super().__init__()
        self.register_buffer("columns", torch.tensor(columns), persistent=False)
        self.standardise = Standardise(len(columns))
        self.layers = nn.Sequential()
        if hidden is not None:
            self.layers.extend(
                [nn.Linear(len(columns), hidden), nn.ReLU(), nn.Linear(hidden, hidden)]
            )
        self.size = hidden or len(columns)

    def set_moments(self, features: Tensor) -> None:
        """Standardise by the moments of the features (N, width) of the training tracks."""
        chosen = features[:, self.columns.cpu()].double()
        deviation = chosen.std(0, correction=0)
        self.standardise.set_moments(chosen.mean(0).float(), deviation.float())

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows (B, T, width) of the view to instances (B, H) of their mean."""
        features = rows.mean(1)[:, self.columns]
        instances: Tensor = self.layers(self.standardise(features))
        return instances
