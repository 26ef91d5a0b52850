"""k nearest neighbours of features."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, Unpack

from datamodules.common.errors import TagbenchError
from datamodules.corpus.track import Float32
from lightning_modules.architectures.feature_classifier import FeatureClassifier, FeatureOptions
from lightning_modules.layers.fitted.neighbours import NearestNeighbours


class FeatureKnn(FeatureClassifier):
    """Fractions of the classes among the nearest training tracks, ``KNeighborsClassifier``.

    Args:
        neighbours: The number k.
        **base: See `FeatureClassifier`.
    """

    identity: ClassVar[str] = "FeatureKnn"
    takes_labels: ClassVar[bool] = True
    title: ClassVar[str] = "kNN"

    def __init__(self, *, neighbours: int = 200, **base: Unpack[FeatureOptions]) -> None:
        super().__init__(**base)
        if neighbours < 1:
            raise TagbenchError(f"FeatureKnn: expected neighbours of 1 or more, got {neighbours}.")
        self.neighbours = neighbours
        self.decision = self.tensor_form(partial(NearestNeighbours, neighbours))

    def estimator(self) -> Any:
        """Return the unfitted classifier."""
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(n_neighbors=self.neighbours)

    def fit_features(self, features: Float32, targets: Float32) -> None:
        """Store the training tracks.

        Raises:
            TagbenchError: There are fewer tracks than neighbours.
        """
        if len(features) < self.neighbours:
            raise TagbenchError(
                f"FeatureKnn: {self.neighbours} neighbours cannot be found among "
                f"{len(features)} training tracks. Set a smaller number, such as "
                "fma_knn[neighbours=5]."
            )
        super().fit_features(features, targets)
