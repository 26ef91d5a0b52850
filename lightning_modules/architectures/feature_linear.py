"""Linear classifiers of features: logistic regression and a linear support vector machine."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from lightning_modules.architectures.feature_classifier import FeatureClassifier, FeatureOptions
from lightning_modules.layers.fitted.linear import LinearDecision


class FeatureLogisticRegression(FeatureClassifier):
    """Multinomial logistic regression, ``LogisticRegression()``."""

    identity: ClassVar[str] = "FeatureLogisticRegression"
    title: ClassVar[str] = "Logistic regression"

    def __init__(self, **base: Unpack[FeatureOptions]) -> None:
        super().__init__(**base)
        self.decision = self.tensor_form(LinearDecision)

    def estimator(self) -> Any:
        """Return the unfitted classifier."""
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression()


class FeatureLinearSvm(FeatureClassifier):
    """Linear support vector machine with one classifier for each class, ``LinearSVC()``."""

    identity: ClassVar[str] = "FeatureLinearSvm"
    title: ClassVar[str] = "Linear SVM"

    def __init__(self, **base: Unpack[FeatureOptions]) -> None:
        super().__init__(**base)
        self.decision = self.tensor_form(LinearDecision)

    def estimator(self) -> Any:
        """Return the unfitted classifier."""
        from sklearn.svm import LinearSVC

        return LinearSVC(random_state=self.random_state)
