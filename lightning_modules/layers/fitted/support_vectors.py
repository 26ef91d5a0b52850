"""Support vector machines with kernels."""

from __future__ import annotations

from itertools import combinations
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_modules.layers.fitted.base import Arrays, FittedLayer, two_classes
from lightning_modules.layers.fitted.distances import distances

Kernel = Literal["rbf", "poly", "linear"]


class SupportVectors(FittedLayer):
    """Decision values of ``SVC`` with the kernel ``rbf``, ``linear``, or ``poly`` of degree 1.

    A classifier for each of the P = K (K - 1) / 2 pairs of classes votes for one of them. A
    decision value is the number of votes plus a confidence between -1/3 and 1/3, as in
    ``decision_function``. ``predict`` returns the first of the classes with the most votes, which
    need not have the largest decision value. In that case, the two values are exchanged, so that
    the largest logit is always that of the predicted class.

    There are no probabilities: the parameter ``probability`` of ``SVC`` is deprecated, its Platt
    scaling is fitted on random folds, and its most probable class may differ from the predicted
    one. The softmax of the decision values keeps their order and the prediction, but is not
    calibrated.

    Args:
        kernel: Kernel of the estimator.
    """

    names: tuple[str, ...] = ("vectors", "weight", "bias", "gamma")

    vectors: Tensor  # support vectors (M, F)
    weight: Tensor  # their coefficients in each classifier (M, P)
    bias: Tensor  # (P,)
    gamma: Tensor  # scale of the kernel ()

    def __init__(self, kernel: Kernel) -> None:
        super().__init__()
        self.kernel = kernel

    def arrays_of(self, estimator: Any) -> Arrays:
        """Return the support vectors and their coefficients in the classifier of each pair."""
        return {
            "vectors": estimator.support_vectors_,
            "weight": _pair_weights(estimator.dual_coef_, estimator.n_support_),
            "bias": estimator.intercept_,
            "gamma": np.asarray(estimator._gamma, dtype=np.float64),
        }

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, F) to logits (N, K)."""
        self.check_fitted()
        decisions = self._products(features) @ self.weight + self.bias  # (N, P)
        if len(self.bias) == 1:
            return two_classes(decisions)
        votes, confidences = self._votes(decisions)
        values = votes + confidences / (3 * (confidences.abs() + 1))
        return _exchange(values, votes.argmax(1), values.argmax(1))

    def _products(self, features: Tensor) -> Tensor:
        """Return the kernel between features (N, F) and support vectors, (N, M)."""
        if self.kernel == "rbf":
            return torch.exp(-self.gamma * distances(features, self.vectors).square())
        products = features @ self.vectors.T
        return products if self.kernel == "linear" else self.gamma * products

    def _votes(self, decisions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the votes for each class and the sums of their confidences, both (N, K)."""
        n_classes = round((1 + (1 + 8 * len(self.bias)) ** 0.5) / 2)
        pairs = torch.tensor([*combinations(range(n_classes), 2)], device=decisions.device)
        first, second = torch.eye(n_classes, dtype=decisions.dtype, device=decisions.device)[
            pairs
        ].unbind(1)  # (P, K) each
        against = (decisions < 0).to(decisions.dtype)
        return (1 - against) @ first + against @ second, decisions @ (first - second)


def _pair_weights(dual: NDArray[Any], counts: NDArray[Any]) -> NDArray[Any]:
    """Return the coefficient of each support vector in the classifier of each pair, (M, P).

    Args:
        dual: Coefficients (K - 1, M). A vector of a class has one for each of the other classes,
            in their order.
        counts: Number of support vectors of each class; the vectors are sorted by class.
    """
    n_classes = len(dual) + 1
    if n_classes == 2:
        return dual.T
    of_class = np.repeat(np.arange(n_classes), counts)
    columns = [
        np.where(of_class == i, dual[j - 1], np.where(of_class == j, dual[i], 0.0))
        for i, j in combinations(range(n_classes), 2)
    ]
    return np.stack(columns, axis=1)


def _exchange(values: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Exchange two entries of each row of ``values`` (N, K), whose columns (N,) are given."""
    pair = torch.stack([left, right], 1)
    return values.scatter(1, pair, values.gather(1, pair.flip(1)))
