"""`FittedLayer`: the arrays of a fitted scikit-learn classifier, evaluated by torch.

Shapes: N rows of features, F features, K classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from datamodules.common.errors import TagbenchError

Arrays = dict[str, NDArray[Any]]
"""Values of the buffers of a layer, by name."""

_SMALLEST = 1e-12


class FittedLayer(nn.Module, ABC):
    """Tensor form of a fitted classifier.

    Its buffers are arrays of a scikit-learn estimator, in float64 as scikit-learn computes: in
    float32, distances and log-likelihoods of hundreds of features differ in the fifth digit.
    float64 is also exempt from autocast. The sizes of the buffers are known after fitting only, so
    they are empty at first, and a checkpoint replaces them whatever its sizes are.

    Args:
        multilabel: Whether the K outputs are independent labels. Otherwise they are classes that
            exclude each other.

    Attributes:
        names: Names of the buffers.
    """

    names: tuple[str, ...]

    def __init__(self, *, multilabel: bool = False) -> None:
        super().__init__()
        self.multilabel = multilabel
        for name in self.names:
            self.register_buffer(name, torch.zeros(0, dtype=torch.float64))

    def load_fitted(self, estimator: Any) -> Self:
        """Copy the arrays of a fitted estimator to the buffers."""
        for name, array in self.arrays_of(estimator).items():
            setattr(self, name, torch.as_tensor(np.ascontiguousarray(array)))
        return self

    @abstractmethod
    def arrays_of(self, estimator: Any) -> Arrays:
        """Return the values of all buffers from a fitted estimator."""

    @abstractmethod
    def forward(self, features: Tensor) -> Tensor:
        """Map float64 features (N, F) to float64 logits (N, K).

        The softmax of the logits, or the sigmoid for independent labels, is ``predict_proba`` of
        the estimator if it has that method. Otherwise the logits are its ``decision_function``.
        The classes are those of the estimator, ``classes_``, in their order; one decision value
        for two classes becomes the logits 0 and d.
        """

    @property
    def fitted(self) -> bool:
        """Whether the layer has been fitted or loaded."""
        return all(getattr(self, name).numel() for name in self.names)

    def check_fitted(self) -> None:
        """Raise a `TagbenchError` if the layer has not been fitted."""
        if not self.fitted:
            raise TagbenchError(
                f"{type(self).__name__} has not been fitted. Fit the model first: tagbench run"
            )

    def logits_of(self, probabilities: Tensor) -> Tensor:
        """Return the logits of probabilities (N, K); those of 0 and 1 are finite."""
        if self.multilabel:
            return probabilities.logit(eps=_SMALLEST)
        return probabilities.clamp_min(_SMALLEST).log()

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        for name in self.names:
            if prefix + name in state_dict:
                device = getattr(self, name).device
                setattr(self, name, torch.empty_like(state_dict[prefix + name], device=device))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def two_classes(decisions: Tensor) -> Tensor:
    """Return logits (N, 2) of two classes from decision values (N, 1) for the second."""
    return torch.cat([torch.zeros_like(decisions), decisions], 1)
