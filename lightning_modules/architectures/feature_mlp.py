"""Multi-layer perceptron on features."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, Unpack

from datamodules.common.errors import TagbenchError
from lightning_modules.architectures.feature_classifier import FeatureClassifier, FeatureOptions
from lightning_modules.layers.fitted.perceptron import Perceptron


class FeatureMlp(FeatureClassifier):
    """Perceptron with ReLU, ``MLPClassifier``.

    Args:
        hidden: Units of each hidden layer.
        **base: See `FeatureClassifier`.
    """

    identity: ClassVar[str] = "FeatureMlp"
    takes_labels: ClassVar[bool] = True
    title: ClassVar[str] = "MLP"

    def __init__(self, *, hidden: tuple[int, ...] = (100,), **base: Unpack[FeatureOptions]) -> None:
        super().__init__(**base)
        if not hidden or min(hidden) < 1:
            raise TagbenchError(f"FeatureMlp: expected sizes of hidden layers, got {list(hidden)}.")
        self.hidden = tuple(hidden)
        self.decision = self.tensor_form(partial(Perceptron, len(hidden) + 1))

    def estimator(self) -> Any:
        """Return the unfitted classifier."""
        from sklearn.neural_network import MLPClassifier

        return MLPClassifier(self.hidden, max_iter=2000, random_state=self.random_state)
