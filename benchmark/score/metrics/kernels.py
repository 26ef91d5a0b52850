"""Compiled loops over tracks and bootstrap replicates."""

from __future__ import annotations

import numpy as np

from benchmark.kernels import compiled

LANES = 64
"""Replicates per block: one cache line of weights, which is wide enough for vectorisation."""


@compiled
def _add(total: np.ndarray, weights: np.ndarray, rows: np.ndarray, start: int, stop: int) -> None:
    """Add the weights of ``rows[start:stop]`` to ``total`` (LANES,)."""
    for k in range(start, stop):
        row = rows[k]
        for lane in range(LANES):
            total[lane] += weights[row, lane]


@compiled
def _groups(order: np.ndarray, scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Find the groups of tied scores with a positive track, and sort positive tracks first in each.

    Returns:
        (G, 3): positions in ``order`` at which the positive tracks of a group start and end, and at
        which the group ends.
    """
    n = order.shape[0]
    cuts = np.empty((np.int64(targets.sum()), 3), dtype=np.int64)
    count = 0
    start = 0
    while start < n:
        stop = start
        front = start
        while stop < n and scores[order[stop]] == scores[order[start]]:
            if targets[order[stop]]:
                order[front], order[stop] = order[stop], order[front]
                front += 1
            stop += 1
        if front > start:
            cuts[count, 0] = start
            cuts[count, 1] = front
            cuts[count, 2] = stop
            count += 1
        start = stop
    return cuts[:count]


@compiled
def rank_tag(
    order: np.ndarray,
    scores: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    out: np.ndarray,
) -> None:
    """Fill ``out`` (3, R) for one tag; ``order`` (N,) sorts ``scores`` in descending order."""
    cuts = _groups(order, scores, targets)
    tp, fp = np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    group_p, group_n = np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    lost, average, area = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    for block in range(weights.shape[0]):
        w = weights[block]
        tp[:] = 0
        fp[:] = 0
        lost[:] = 0.0
        average[:] = 0.0
        area[:] = 0.0
        done = 0
        for g in range(cuts.shape[0]):
            group_p[:] = 0
            group_n[:] = 0
            _add(fp, w, order, done, cuts[g, 0])
            _add(group_p, w, order, cuts[g, 0], cuts[g, 1])
            _add(group_n, w, order, cuts[g, 1], cuts[g, 2])
            done = cuts[g, 2]
            for lane in range(LANES):
                p, n = group_p[lane], group_n[lane]
                seen = tp[lane] + fp[lane]
                # The curve starts at precision 1, as in sklearn.metrics.precision_recall_curve.
                before = tp[lane] / seen if seen > 0 else 1.0
                # Pairs in the wrong order count 2, tied pairs 1.
                lost[lane] += p * (2.0 * fp[lane] + n)
                tp[lane] += p
                fp[lane] += n
                precision = tp[lane] / max(1.0, tp[lane] + fp[lane])
                average[lane] += p * precision
                area[lane] += 0.5 * p * (before + precision)
        _add(fp, w, order, done, order.shape[0])
        for lane in range(LANES):
            at = block * LANES + lane
            if tp[lane] == 0 or fp[lane] == 0:
                out[0, at] = out[1, at] = out[2, at] = np.nan
            else:
                out[0, at] = 1.0 - lost[lane] / (2.0 * tp[lane] * fp[lane])
                out[1, at] = average[lane] / tp[lane]
                out[2, at] = area[lane] / tp[lane]


@compiled
def precision_at(
    order: np.ndarray,
    scores: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    k: int,
    out: np.ndarray,
) -> None:
    """Fill ``out`` (R,) for one tag; ``order`` (N,) sorts ``scores`` in descending order.

    A track counts as often as its weight. The places that a group of tied tracks does not fill
    completely are divided among them, so that the value is the mean over their orders.
    """
    n = order.shape[0]
    group_p, group = np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    hits, taken = np.empty(LANES), np.empty(LANES)
    for block in range(weights.shape[0]):
        w = weights[block]
        hits[:] = 0.0
        taken[:] = 0.0
        start = 0
        while start < n and taken.min() < k:
            group_p[:] = 0
            group[:] = 0
            stop = start
            while stop < n and scores[order[stop]] == scores[order[start]]:
                _add(group, w, order, stop, stop + 1)
                if targets[order[stop]]:
                    _add(group_p, w, order, stop, stop + 1)
                stop += 1
            for lane in range(LANES):
                places = min(k - taken[lane], float(group[lane]))
                if places > 0:
                    hits[lane] += group_p[lane] * places / group[lane]
                    taken[lane] += places
            start = stop
        for lane in range(LANES):
            at = block * LANES + lane
            out[at] = hits[lane] / taken[lane] if taken[lane] > 0 else np.nan


@compiled
def sum_rows(rows: np.ndarray, weights: np.ndarray, out: np.ndarray) -> None:
    """Fill ``out`` (R,) with the total weight of ``rows`` in each replicate."""
    total = np.empty(LANES, np.int32)
    for block in range(weights.shape[0]):
        total[:] = 0
        _add(total, weights[block], rows, 0, rows.shape[0])
        for lane in range(LANES):
            out[block * LANES + lane] = total[lane]
