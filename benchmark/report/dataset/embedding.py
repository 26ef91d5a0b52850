"""Projection of clips to the plane: principal components and multidimensional scaling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

MOST_POINTS = 2000
"""Greatest number of clips of multidimensional scaling, whose cost is quadratic."""


@dataclass(frozen=True)
class Projection:
    """Points in the plane.

    Attributes:
        pca: First two principal components (N, 2).
        explained: Share of the variance of each component (2,).
        mds: Metric multidimensional scaling (M, 2) of the first M = min(N, `MOST_POINTS`) clips.
        stress: Kruskal's stress-1 of ``mds``; 0 where all distances are preserved.
    """

    pca: Float64
    explained: Float64
    mds: Float64
    stress: float


def project(features: Float64) -> Projection:
    """Project clips by their features, each scaled to zero mean and unit variance.

    Scaling starts at the principal components, so the result is deterministic and both figures have
    one orientation. SMACOF (de Leeuw 1977) then moves the points to fit their distances to those of
    the features.

    Args:
        features: (N, D), N at least 3.
    """
    from scipy.spatial.distance import pdist, squareform
    from sklearn.decomposition import PCA
    from sklearn.manifold import smacof

    deviation = features.std(axis=0)
    scaled = (features - features.mean(axis=0)) / np.where(deviation > 1e-9, deviation, np.inf)
    if not scaled.any():  # all clips have the same features
        origin = np.zeros((len(features), 2))
        return Projection(origin, np.zeros(2), origin[:MOST_POINTS], 0.0)
    model = PCA(n_components=2, svd_solver="full")
    pca = model.fit_transform(scaled)
    distances = squareform(pdist(scaled[:MOST_POINTS]))
    start = pca[: len(distances)]
    # With a given starting point one run is enough and random_state has no effect.
    mds, _ = smacof(
        distances, init=start, n_init=1, max_iter=300, random_state=0, normalized_stress=False
    )
    return Projection(pca, model.explained_variance_ratio_, mds, _stress(distances, mds))


def _stress(distances: Float64, points: Float64) -> float:
    from scipy.spatial.distance import pdist, squareform

    wanted, fitted = squareform(distances, checks=False), pdist(points)
    return float(np.sqrt(((wanted - fitted) ** 2).sum() / (wanted**2).sum()))
