"""Decision trees, random forests and boosted trees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_modules.layers.fitted.base import Arrays, FittedLayer


class Trees(FittedLayer):
    """Sum of the values at the leaves of T trees, as arrays of nodes.

    For ``DecisionTreeClassifier`` and ``RandomForestClassifier``, whose values are probabilities.
    scikit-learn compares features in float32 with thresholds in float64.
    """

    names: tuple[str, ...] = ("child", "feature", "threshold", "value", "depth")

    child: Tensor  # left and right child of each node (2, T, nodes); a leaf is its own child
    feature: Tensor  # feature that a node compares (T, nodes)
    threshold: Tensor  # a feature that is at most the threshold goes left (T, nodes)
    value: Tensor  # (T, nodes, K)
    depth: Tensor  # steps from the roots to the deepest leaf ()

    def arrays_of(self, estimator: Any) -> Arrays:
        """Return the nodes of the trees and the probabilities at each."""
        trees = getattr(estimator, "estimators_", [estimator])
        values = [self._probabilities(tree, estimator.classes_) / len(trees) for tree in trees]
        return _node_arrays(trees, values)

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, F) to logits (N, K)."""
        self.check_fitted()
        return self.logits_of(self.sums(features))

    def sums(self, features: Tensor) -> Tensor:
        """Return the sum over trees of the values at the leaves, (N, K)."""
        rounded = features.float().to(self.threshold.dtype)
        trees = torch.arange(len(self.feature), device=features.device)  # (T,)
        node = torch.zeros(len(features), len(trees), dtype=torch.int64, device=features.device)
        for _ in range(int(self.depth)):
            value = rounded.gather(1, self.feature[trees, node])  # (N, T)
            right = (value > self.threshold[trees, node]).long()
            node = self.child[right, trees, node]
        return self.value[trees, node].sum(1)

    def _probabilities(self, tree: Any, classes: Any) -> NDArray[Any]:
        """Return the probabilities of a tree at each node, (nodes, K).

        Args:
            tree: The fitted tree.
            classes: Classes of the estimator; for labels, the values of each that occur.
        """
        value = tree.tree_.value  # (nodes, labels, classes)
        if not self.multilabel:
            return value[:, 0, : len(classes)]
        columns = [value[:, label, : len(own)] @ own for label, own in enumerate(classes)]
        return np.stack(columns, axis=1)


class BoostedTrees(Trees):
    """Sum of the votes of trees, for ``AdaBoostClassifier`` (SAMME) with decision trees.

    A tree adds its weight to the class that it predicts, and subtracts it from the others, divided
    by their number. The softmax of the sum is ``predict_proba`` (Zhu et al., 2009, equation 15).
    """

    def arrays_of(self, estimator: Any) -> Arrays:
        """Return the nodes of the trees and the votes at each."""
        others = len(estimator.classes_) - 1
        weights = estimator.estimator_weights_ / estimator.estimator_weights_.sum()
        values = []
        for tree, weight in zip(estimator.estimators_, weights, strict=False):
            predicted = self._probabilities(tree, estimator.classes_).argmax(1)[:, None]
            own = predicted == np.arange(others + 1)
            values.append(np.where(own, weight, -weight / others) / others)
        return _node_arrays(estimator.estimators_, values)

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, F) to logits (N, K)."""
        self.check_fitted()
        return self.sums(features)


def _node_arrays(trees: Sequence[Any], values: Sequence[NDArray[Any]]) -> Arrays:
    """Return the arrays of trees, padded with leaves to the largest number of nodes."""
    shape = (len(trees), max(len(value) for value in values))
    leaf = np.broadcast_to(np.arange(shape[1]), shape)
    child, feature = np.stack([leaf, leaf]), np.zeros(shape, dtype=np.int64)
    threshold, value = np.zeros(shape), np.zeros((*shape, values[0].shape[1]))
    for number, (tree, own) in enumerate(zip(trees, values, strict=True)):
        nodes = tree.tree_
        inner = np.flatnonzero(nodes.children_left >= 0)
        child[0, number, inner] = nodes.children_left[inner]
        child[1, number, inner] = nodes.children_right[inner]
        feature[number, inner] = nodes.feature[inner]
        threshold[number, inner] = nodes.threshold[inner]
        value[number, : len(own)] = own
    depth = np.asarray(max(tree.tree_.max_depth for tree in trees))
    return {
        "child": child,
        "feature": feature,
        "threshold": threshold,
        "value": value,
        "depth": depth,
    }
