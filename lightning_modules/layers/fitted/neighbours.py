"""k nearest neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from lightning_modules.layers.fitted.base import Arrays, FittedLayer
from lightning_modules.layers.fitted.distances import distances


class NearestNeighbours(FittedLayer):
    """Fraction of each class among the k nearest training rows, for ``KNeighborsClassifier``.

    Distances are Euclidean and neighbours have equal weights. Of training rows at the distance of
    the k-th neighbour, the first ones count. scikit-learn does not define which of them count.

    Args:
        neighbours: The number k.
        multilabel: Whether the K outputs are independent labels.
    """

    names: tuple[str, ...] = ("rows", "labels")

    rows: Tensor  # training rows (M, F)
    labels: Tensor  # their classes (M, K), 0 or 1

    def __init__(self, neighbours: int, *, multilabel: bool = False) -> None:
        super().__init__(multilabel=multilabel)
        self.neighbours = neighbours

    def arrays_of(self, estimator: Any) -> Arrays:
        """Return the training rows and their labels."""
        numbers = estimator._y  # indices of classes (M,), or of both values of each label (M, K)
        if self.multilabel:
            labels = np.stack(
                [
                    values[column]
                    for values, column in zip(estimator.classes_, numbers.T, strict=True)
                ],
                axis=1,
            )
        else:
            labels = np.eye(len(estimator.classes_))[numbers]
        return {"rows": estimator._fit_X, "labels": labels.astype(np.float64)}

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, F) to logits (N, K)."""
        self.check_fitted()
        return self.logits_of(self.fractions(features))

    def fractions(self, features: Tensor) -> Tensor:
        """Return the fraction of the neighbours (N, K) that have each class."""
        far = distances(features, self.rows)  # (N, M)
        last = far.kthvalue(self.neighbours, dim=1, keepdim=True).values
        nearer, tied = far < last, far == last
        missing = self.neighbours - nearer.sum(1, keepdim=True)
        chosen = nearer | (tied & (tied.cumsum(1, dtype=torch.int64) <= missing))
        return chosen.to(self.labels.dtype) @ self.labels / self.neighbours
