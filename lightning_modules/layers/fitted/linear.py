"""Logistic regression and linear support vector machines."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from lightning_modules.layers.fitted.base import Arrays, FittedLayer, two_classes


class LinearDecision(FittedLayer):
    """Decision values that are linear in the features.

    For ``LogisticRegression``, whose probabilities are their softmax, and ``LinearSVC``, which has
    no probabilities.
    """

    names: tuple[str, ...] = ("weight", "bias")

    weight: Tensor  # (K, F), or (1, F) for two classes
    bias: Tensor

    def arrays_of(self, estimator: Any) -> Arrays:
        """Return the coefficients."""
        return {"weight": estimator.coef_, "bias": estimator.intercept_}

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, F) to logits (N, K)."""
        self.check_fitted()
        decisions = features @ self.weight.T + self.bias
        return two_classes(decisions) if len(self.bias) == 1 else decisions
