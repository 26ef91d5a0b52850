"""Gaussian classifiers of features: naive Bayes and quadratic discriminant analysis."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

import numpy as np

from datamodules.common.errors import TagbenchError
from datamodules.corpus.track import Float32
from lightning_modules.architectures.feature_classifier import FeatureClassifier, FeatureOptions
from lightning_modules.layers.fitted.gaussian import GaussianBayes, QuadraticDiscriminant


class FeatureNaiveBayes(FeatureClassifier):
    """A Gaussian with a diagonal covariance for each class, ``GaussianNB()``."""

    identity: ClassVar[str] = "FeatureNaiveBayes"
    title: ClassVar[str] = "Naive Bayes"

    def __init__(self, **base: Unpack[FeatureOptions]) -> None:
        super().__init__(**base)
        self.decision = self.tensor_form(GaussianBayes)

    def estimator(self) -> Any:
        """Return the unfitted classifier."""
        from sklearn.naive_bayes import GaussianNB

        return GaussianNB()


class FeatureQda(FeatureClassifier):
    """A Gaussian with its own covariance for each class, ``QuadraticDiscriminantAnalysis()``.

    Without shrinkage, scikit-learn refuses classes with at most as many tracks as features. The
    version of the published baselines fitted them with a warning.

    Args:
        shrinkage: Weight of a multiple of the identity in each covariance, from 0 to 1, with which
            small classes can be fitted; None for the sample covariances.
        **base: See `FeatureClassifier`.
    """

    identity: ClassVar[str] = "FeatureQda"
    title: ClassVar[str] = "QDA"

    def __init__(self, *, shrinkage: float | None = None, **base: Unpack[FeatureOptions]) -> None:
        super().__init__(**base)
        self.shrinkage = shrinkage
        self.decision = self.tensor_form(QuadraticDiscriminant)

    def estimator(self) -> Any:
        """Return the unfitted classifier."""
        from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

        if self.shrinkage is None:
            return QuadraticDiscriminantAnalysis()
        return QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=self.shrinkage)

    def fit_features(self, features: Float32, targets: Float32) -> None:
        """Fit the Gaussians.

        Raises:
            TagbenchError: A class has too few tracks for its covariance.
        """
        try:
            super().fit_features(features, targets)
        except TagbenchError as error:
            if not isinstance(error.__cause__, np.linalg.LinAlgError):
                raise
            raise TagbenchError(
                f"{error} In tagbench, set shrinkage, as in fma_qda[shrinkage=0.1], or use fewer "
                "features, as in fma_qda[sets=zcr]."
            ) from error
