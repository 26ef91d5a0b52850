"""Bootstrap over tracks and training seeds: weights of the replicates, and intervals.

Tracks of the same artist or song are not independent, so whole clusters are resampled. All models
and conditions of a dataset use the same resamples, so that differences are paired and the interval
of a drop is several times narrower (Efron & Tibshirani 1993, ch. 8, for the cluster and the paired
bootstrap).

In every array of this package that ends in a replicate axis, index 0 is the estimate on the full
sample and the other entries are replicates, so that a statistic is computed once for both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.score.metrics import pack_weights
from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for

LEVEL = 0.95
"""Nominal coverage of the intervals."""


@dataclass(frozen=True)
class TrackWeights:
    """Weights of the estimate and of every replicate.

    Attributes:
        packed: Blocks of weights, see :func:`benchmark.score.metrics.pack_weights`.
        n_boot: Number of replicates, without the estimate.
        n_clusters: Number of clusters that are resampled.
    """

    packed: np.ndarray
    n_boot: int
    n_clusters: int

    def trim(self, values: np.ndarray) -> np.ndarray:
        """Remove the padding lanes (..., R) of the last axis; returns (..., 1 + ``n_boot``)."""
        return values[..., : self.n_boot + 1]


def draw_weights(clusters: np.ndarray, n_boot: int, *key: str | int) -> TrackWeights:
    """Draw cluster bootstrap weights from a multinomial with equal probabilities.

    Args:
        clusters: (N,) name of the cluster of each track.
        n_boot: Number of replicates; with 0 there is only the estimate.
        key: Dataset and seed. The draws depend on them and on the number of clusters.

    Raises:
        TagbenchError: A replicate drew one cluster more than 255 times.
    """
    names, cluster_index = np.unique(np.asarray(clusters), return_inverse=True)
    rng = rng_for("bootstrap", *key)
    rows = np.ones((n_boot + 1, len(cluster_index)), dtype=np.uint8)
    for row in rows[1:]:
        counts = np.bincount(rng.randint(0, len(names), len(names)), minlength=len(names))
        if counts.max() > np.iinfo(np.uint8).max:
            raise TagbenchError(
                f"Bootstrap: one of {len(names)} clusters was drawn {counts.max()} times, more "
                "than the 255 that a weight holds. Choose another bootstrap seed."
            )
        row[:] = counts[cluster_index]
    return TrackWeights(pack_weights(rows), n_boot, len(names))


def seed_shares(n_seeds: int, n_boot: int, *key: str | int) -> np.ndarray:
    """Return the share of each training seed in the estimate and in each replicate.

    With several seeds a replicate also draws seeds with replacement, so that the interval covers
    both the sampling of tracks and the variation between training runs. Drawing S of S values gives
    only (S - 1) / S of the variance of their mean, which is half of it for two seeds. The
    deviations from equal shares are scaled up to correct this (Rao & Wu 1988, sec. 2), so that a
    share may be below zero.

    Args:
        n_seeds: Number S of training seeds.
        n_boot: Number of replicates.
        key: Dataset and seed of the bootstrap, on which the draws depend.

    Returns:
        (n_seeds, 1 + n_boot); each column sums to 1, and the shares in the first one are equal.
    """
    shares = np.full((n_seeds, n_boot + 1), 1.0 / n_seeds)
    if n_seeds > 1:
        picks = rng_for("bootstrap-seeds", *key).randint(0, n_seeds, (n_boot, n_seeds))
        for seed in range(n_seeds):
            drawn = (picks == seed).mean(axis=1)
            shares[seed, 1:] += np.sqrt(n_seeds / (n_seeds - 1)) * (drawn - 1.0 / n_seeds)
    return shares


def interval(samples: np.ndarray, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Return the percentile interval of ``samples`` (..., 1 + B), ignoring NaN replicates.

    The ends, each (...,), equal ``np.nanpercentile`` (linear) of the replicates. Both are NaN if
    the estimate is NaN or all replicates are NaN.
    """
    if samples.shape[-1] < 2:
        blank = np.full(samples.shape[:-1], np.nan)
        return blank, blank.copy()
    ordered = np.sort(samples[..., 1:], axis=-1)  # NaN last
    count = (~np.isnan(ordered)).sum(axis=-1)
    undefined = np.isnan(samples[..., 0]) | (count == 0)

    def quantile(share: float) -> np.ndarray:
        at = share * np.maximum(count - 1, 0)
        below = np.floor(at).astype(np.int64)
        above = np.minimum(below + 1, np.maximum(count - 1, 0))
        low = np.take_along_axis(ordered, below[..., None], axis=-1)[..., 0]
        high = np.take_along_axis(ordered, above[..., None], axis=-1)[..., 0]
        return np.where(undefined, np.nan, low + (at - below) * (high - low))

    tail = (1.0 - level) / 2.0
    return quantile(tail), quantile(1.0 - tail)


def ranks(samples: np.ndarray) -> np.ndarray:
    """Rank models (M, 1 + B) within each column: 1 + the number that score strictly higher.

    Models with a NaN estimate receive rank NaN and do not affect the ranks of other models.
    """
    with np.errstate(invalid="ignore"):
        better = (samples[None, :, :] > samples[:, None, :]).sum(axis=1)
    return np.where(np.isnan(samples), np.nan, 1.0 + better)


def rank_interval(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rank, lowest and highest rank (each (M,) float) from scores (M, 1 + B).

    The ends are order statistics and therefore whole numbers. The interval contains at least 95 %
    of the replicates, and always the rank itself.
    """
    table = ranks(samples)
    rank = table[:, 0]
    low, high = rank.copy(), rank.copy()
    for model, row in enumerate(table):
        defined = np.sort(row[1:][~np.isnan(row[1:])])
        if np.isnan(rank[model]) or not len(defined):
            continue
        drop = int(np.floor((1.0 - LEVEL) / 2.0 * len(defined)))
        low[model] = min(rank[model], defined[drop])
        high[model] = max(rank[model], defined[len(defined) - 1 - drop])
    return rank, low, high
