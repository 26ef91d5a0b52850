"""Bootstrap weights of tracks, and weighted sums and means.

A bootstrap replicate is a vector of integer track weights, so that the same kernel computes the
estimate (all weights 1) and every replicate.
"""

from __future__ import annotations

import numpy as np

from benchmark.score.metrics.kernels import LANES, sum_rows


def pack_weights(weights: np.ndarray) -> np.ndarray:
    """Arrange weights (R, N) as blocks (ceil(R / 64), N, 64) of uint8, padded with zeros.

    Args:
        weights: (R, N) integers from 0 to 255, one row per replicate.
    """
    replicates, tracks = weights.shape
    blocks = -(-replicates // LANES)
    packed = np.zeros((blocks, tracks, LANES), dtype=np.uint8)
    for block in range(blocks):
        rows = weights[block * LANES : (block + 1) * LANES]
        packed[block, :, : len(rows)] = rows.T
    return packed


def weight_of(selected: np.ndarray, packed: np.ndarray) -> np.ndarray:
    """Return the total weight (C, R) of the tracks marked in each column of ``selected`` (N, C)."""
    out = np.empty((selected.shape[1], packed.shape[0] * packed.shape[2]))
    for column in range(selected.shape[1]):
        sum_rows(np.flatnonzero(selected[:, column]).astype(np.uint32), packed, out[column])
    return out


def share_of(selected: np.ndarray, packed: np.ndarray) -> np.ndarray:
    """Return the fraction (C, R) of the weight on tracks marked in ``selected`` (N, C) of bool."""
    total = weight_of(np.ones((len(selected), 1), dtype=bool), packed)
    with np.errstate(invalid="ignore"):  # the weights of padding lanes are zero
        return weight_of(selected, packed) / total


def weighted_mean(values: np.ndarray, packed: np.ndarray) -> np.ndarray:
    """Return the mean (Q, R) of track values (N, Q) under every weighting, ignoring NaN."""
    valid = ~np.isnan(values)
    both = np.concatenate([np.where(valid, values, 0.0), valid], axis=1).T
    with np.errstate(invalid="ignore"):
        total = np.concatenate([both @ block.astype(np.float64) for block in packed], axis=1)
        return np.asarray(total[: values.shape[1]] / total[values.shape[1] :])


def valid_tags(targets: np.ndarray) -> np.ndarray:
    """Return (C,) of bool: the columns of ``targets`` (N, C) that contain both 0 and 1."""
    count = targets.sum(axis=0, dtype=np.int64)
    return (count > 0) & (count < len(targets))


def nan_mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Average along ``axis``, ignoring NaN; NaN without a warning if all values are NaN."""
    valid = ~np.isnan(values)
    count = valid.sum(axis=axis)
    total = np.where(valid, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
