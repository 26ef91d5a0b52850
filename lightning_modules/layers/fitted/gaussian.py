"""Gaussian naive Bayes and quadratic discriminant analysis."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from lightning_modules.layers.fitted.base import Arrays, FittedLayer


class GaussianBayes(FittedLayer):
    """Log-likelihoods of Gaussians with diagonal covariances, for ``GaussianNB``."""

    names: tuple[str, ...] = ("prior", "mean", "variance")

    prior: Tensor  # logarithms (K,)
    mean: Tensor  # (K, F)
    variance: Tensor  # (K, F)

    def arrays_of(self, estimator: Any) -> Arrays:
        """Return the priors, means and variances."""
        prior = np.log(estimator.class_prior_)
        return {"prior": prior, "mean": estimator.theta_, "variance": estimator.var_}

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, F) to logits (N, K)."""
        self.check_fitted()
        squares = ((features[:, None] - self.mean).square() / self.variance).sum(2)
        return self.prior - 0.5 * ((2 * torch.pi * self.variance).log().sum(1) + squares)


class QuadraticDiscriminant(FittedLayer):
    """Log-likelihoods of Gaussians with full covariances.

    For ``QuadraticDiscriminantAnalysis``.
    """

    names: tuple[str, ...] = ("bias", "mean", "rotation")

    bias: Tensor  # logarithm of prior and determinant (K,)
    mean: Tensor  # (K, F)
    rotation: Tensor  # axes of each covariance, divided by their standard deviations (K, F, F)

    def arrays_of(self, estimator: Any) -> Arrays:
        """Return the means and the axes of the covariances."""
        scalings = np.stack(estimator.scalings_)  # variances along the axes (K, F)
        bias = np.log(estimator.priors_) - 0.5 * np.log(scalings).sum(1)
        rotation = np.stack(estimator.rotations_) / np.sqrt(scalings)[:, None]
        return {"bias": bias, "mean": estimator.means_, "rotation": rotation}

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, F) to logits (N, K)."""
        self.check_fitted()
        centred = features - self.mean[:, None]  # (K, N, F)
        return self.bias - 0.5 * (centred @ self.rotation).square().sum(2).T
