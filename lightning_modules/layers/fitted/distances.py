"""Euclidean distances between rows of features."""

from __future__ import annotations

import torch
from torch import Tensor


def distances(left: Tensor, right: Tensor) -> Tensor:
    """Return the distances (N, M) of rows (N, F) from rows (M, F).

    Differences are squared and added for each pair. The faster formula with a matrix product would
    round differently in batches of different sizes, and give equal rows different distances.
    """
    return torch.cdist(left, right, compute_mode="donot_use_mm_for_euclid_dist")
