"""One binary classifier for each label."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lightning_modules.layers.fitted.base import FittedLayer

_CERTAIN = 30.0  # logit of a label that all training rows have; the sigmoid is 1 in float32


class OneVsRest(nn.Module):
    """Logits of independent labels from one binary classifier each.

    A label that no training row has, or that all have, gets a constant logit.

    Args:
        layers: An unfitted binary classifier for each label.
    """

    constant: Tensor  # NaN for a label with a classifier (C,)

    def __init__(self, layers: list[FittedLayer]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.register_buffer("constant", torch.full((len(layers),), math.nan, dtype=torch.float64))

    @property
    def fitted(self) -> bool:
        """Whether the classifiers have been fitted or loaded."""
        return not bool(self.constant.isnan().all()) or any(layer.fitted for layer in self.layers)

    def fit(
        self,
        estimator: Callable[[], Any],
        features: NDArray[Any],
        targets: NDArray[Any],
    ) -> None:
        """Fit a classifier for each label.

        Args:
            estimator: Returns an unfitted scikit-learn classifier.
            features: Training rows (N, F).
            targets: Their labels (N, C), 0 or 1.
        """
        for number, column in enumerate(np.asarray(targets, dtype=np.int64).T):
            if column.min() == column.max():
                self.constant[number] = _CERTAIN if column[0] else -_CERTAIN
            else:
                layer: Any = self.layers[number]
                layer.load_fitted(estimator().fit(features, column))

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, F) to logits (N, C)."""
        columns = []
        for layer, constant in zip(self.layers, self.constant.tolist(), strict=True):
            if math.isnan(constant):
                logits = layer(features)  # (N, 2)
                columns.append(logits[:, 1] - logits[:, 0])
            else:
                columns.append(features.new_full((len(features),), constant))
        return torch.stack(columns, 1)
