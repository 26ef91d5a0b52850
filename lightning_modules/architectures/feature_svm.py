"""Support vector machine with a kernel on features."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, Unpack

from lightning_modules.architectures.feature_classifier import FeatureClassifier, FeatureOptions
from lightning_modules.layers.fitted.support_vectors import Kernel, SupportVectors


class FeatureSvm(FeatureClassifier):
    """Support vector machine with one classifier for each pair of classes, ``SVC``.

    Args:
        kernel: ``rbf``, ``linear``, or ``poly`` of degree 1.
        **base: See `FeatureClassifier`.
    """

    identity: ClassVar[str] = "FeatureSvm"
    title: ClassVar[str] = "SVM"

    def __init__(self, *, kernel: Kernel = "rbf", **base: Unpack[FeatureOptions]) -> None:
        super().__init__(**base)
        self.kernel = kernel
        self.decision = self.tensor_form(partial(SupportVectors, kernel))

    def estimator(self) -> Any:
        """Return the unfitted classifier."""
        from sklearn.svm import SVC

        return SVC(kernel=self.kernel, degree=1)
