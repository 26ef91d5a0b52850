"""Multi-layer perceptron."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from lightning_modules.layers.fitted.base import Arrays, FittedLayer, two_classes


class Perceptron(FittedLayer):
    """Linear layers with ReLU between them, for ``MLPClassifier``.

    Args:
        layers: Number of linear layers.
        multilabel: Whether the K outputs are independent labels.
    """

    def __init__(self, layers: int, *, multilabel: bool = False) -> None:
        self.names = tuple(
            f"{kind}_{number}" for number in range(layers) for kind in ("weight", "bias")
        )
        super().__init__(multilabel=multilabel)
        self.layers = layers

    def arrays_of(self, estimator: Any) -> Arrays:
        """Return the weights (inputs, outputs) and the biases."""
        arrays = {f"weight_{number}": array for number, array in enumerate(estimator.coefs_)}
        return arrays | {
            f"bias_{number}": array for number, array in enumerate(estimator.intercepts_)
        }

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, F) to logits (N, K)."""
        self.check_fitted()
        x = features
        for number in range(self.layers):
            x = x.relu() if number else x
            x = x @ getattr(self, f"weight_{number}") + getattr(self, f"bias_{number}")
        return two_classes(x) if x.shape[1] == 1 and not self.multilabel else x
