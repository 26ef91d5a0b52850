"""Scores of stored predictions, each computed for many weightings of the tracks at once.

A bootstrap replicate is a vector of whole-number track weights, so one kernel gives the estimate
(all weights 1) and every replicate. The tracks are sorted once per tag; tie groups close at
their last member, which makes each value equal scikit-learn's with ``sample_weight``.

Decision rules, needed by F1 and MCC:

* multi-label: *prevalence-matched*. A tag is predicted for the tracks that score at least as high
  as its k-th highest score, k being its number of positive tracks. No rule is tuned on the test
  set to flatter a model, no calibration is assumed (0.5 predicts rare tags nowhere), and at this
  point precision equals recall where no scores tie. The threshold comes from the full sample;
  replicates reweight tracks under it.
* single-label: the class with the highest score, the first one of a tie.

A tag of which the weighted sample holds one class only has no score: NaN.
"""

from __future__ import annotations

import numpy as np

from benchmark.kernels import kernel

LANES = 64
"""Replicates per block: one cache line of weights, wide enough for LLVM to vectorise."""

RANKING = ("roc_auc", "pr_auc", "pr_auc_trapezoid")
"""First axis of :func:`ranking_scores`."""

DECISIONS = ("f1", "mcc", "precision", "recall")
"""First axis of :func:`decision_scores`."""

TOP = (2, 3, 5)
"""How many of the highest classes a top-K score looks at."""


def unit_weights(n_tracks: int) -> np.ndarray:
    """Return the packed weighting that counts every track once: the estimate itself."""
    return pack_weights(np.ones((1, n_tracks), dtype=np.uint8))


def pack_weights(weights: np.ndarray) -> np.ndarray:
    """Arrange weights (R, N) as blocks (ceil(R / 64), N, 64) of uint8; the rest is zeros.

    Args:
        weights: Whole numbers from 0 to 255, one row per replicate.
    """
    replicates, tracks = weights.shape
    blocks = -(-replicates // LANES)
    packed = np.zeros((blocks, tracks, LANES), dtype=np.uint8)
    for block in range(blocks):
        rows = weights[block * LANES : (block + 1) * LANES]
        packed[block, :, : len(rows)] = rows.T
    return packed


@kernel
def _add(total: np.ndarray, weights: np.ndarray, rows: np.ndarray, start: int, stop: int) -> None:
    for k in range(start, stop):
        row = rows[k]
        for lane in range(LANES):
            total[lane] += weights[row, lane]


@kernel
def _groups(order: np.ndarray, scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Find the tie groups with a positive; move the positives to the front of each.

    Returns ``cuts`` (G, 3): where the group's positives start, where they end, where it ends.
    """
    n = order.shape[0]
    cuts = np.empty((np.int64(targets.sum()), 3), dtype=np.int64)
    found = 0
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
            cuts[found, 0] = start
            cuts[found, 1] = front
            cuts[found, 2] = stop
            found += 1
        start = stop
    return cuts[:found]


@kernel
def _rank_tag(
    order: np.ndarray,
    scores: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    out: np.ndarray,
) -> None:
    """Fill ``out`` (3, R) for one tag; ``order`` sorts ``scores`` downwards."""
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


@kernel
def _sum_rows(rows: np.ndarray, weights: np.ndarray, out: np.ndarray) -> None:
    """Fill ``out`` (R,) with the weight of ``rows`` in each replicate."""
    total = np.empty(LANES, np.int32)
    for block in range(weights.shape[0]):
        total[:] = 0
        _add(total, weights[block], rows, 0, rows.shape[0])
        for lane in range(LANES):
            out[block * LANES + lane] = total[lane]


def ranking_scores(scores: np.ndarray, targets: np.ndarray, packed: np.ndarray) -> np.ndarray:
    """Score every tag under every weighting by the order of the tracks.

    Args:
        scores: (N, C) finite; any monotone scale.
        targets: (N, C) of 0 and 1.
        packed: Weights from :func:`pack_weights`, R lanes in all.

    Returns:
        (3, C, R) float64 in the order of :data:`RANKING`: area under the ROC curve; average
        precision (sum of precision over recall steps); trapezoidal area under the
        precision-recall curve, which flatters sparse curves (Davis & Goadrich 2006) and is kept
        because older papers report it.
    """
    columns = scores.shape[1]
    out = np.empty((len(RANKING), columns, packed.shape[0] * LANES))
    for tag in range(columns):
        column = np.ascontiguousarray(scores[:, tag], dtype=np.float32)
        positive = np.ascontiguousarray(targets[:, tag], dtype=np.uint8)
        order = np.argsort(-column, kind="stable").astype(np.uint32)
        _rank_tag(order, column, positive, packed, out[:, tag])
    return out


def weight_of(selected: np.ndarray, packed: np.ndarray) -> np.ndarray:
    """Return the total weight (C, R) of the tracks marked in each column of ``selected`` (N, C)."""
    out = np.empty((selected.shape[1], packed.shape[0] * LANES))
    for column in range(selected.shape[1]):
        _sum_rows(np.flatnonzero(selected[:, column]).astype(np.uint32), packed, out[column])
    return out


def share_of(selected: np.ndarray, packed: np.ndarray) -> np.ndarray:
    """Return the share (C, R) of the weight that is marked in ``selected`` (N, C) of bool."""
    total = weight_of(np.ones((len(selected), 1), dtype=bool), packed)
    with np.errstate(invalid="ignore"):  # padding lanes weigh nothing
        return weight_of(selected, packed) / total


def weighted_mean(values: np.ndarray, packed: np.ndarray) -> np.ndarray:
    """Return the mean (Q, R) of values of tracks (N, Q) under every weighting, NaN left out."""
    known = ~np.isnan(values)
    both = np.concatenate([np.where(known, values, 0.0), known], axis=1).T
    with np.errstate(invalid="ignore"):
        total = np.concatenate([both @ block.astype(np.float64) for block in packed], axis=1)
        return np.asarray(total[: values.shape[1]] / total[values.shape[1] :])


def decide_multilabel(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Predict each tag for as many tracks as carry it (more where scores tie at the threshold).

    Args:
        scores: (N, C).
        targets: (N, C) of 0 and 1.

    Returns:
        (N, C) of bool; a tag without positives is predicted nowhere.
    """
    count = targets.sum(axis=0, dtype=np.int64)
    descending = -np.sort(-scores, axis=0)
    threshold = descending[np.maximum(count, 1) - 1, np.arange(scores.shape[1])]
    return (scores >= threshold) & (count > 0)


def decide_singlelabel(scores: np.ndarray) -> np.ndarray:
    """Predict the class with the highest score, the first of a tie, as (N, C) of bool."""
    return np.arange(scores.shape[1]) == scores.argmax(axis=1)[:, None]


def top_k(scores: np.ndarray, k: int) -> np.ndarray:
    """Mark the ``k`` highest scores of each track, as (N, C) of bool.

    Ties go to the later class, as in ``sklearn.metrics.top_k_accuracy_score``.
    """
    highest = scores.argsort(axis=1, kind="stable")[:, max(0, scores.shape[1] - k) :]
    marked = np.zeros(scores.shape, dtype=bool)
    np.put_along_axis(marked, highest, values=True, axis=1)
    return marked


def decision_scores(predicted: np.ndarray, targets: np.ndarray, packed: np.ndarray) -> np.ndarray:
    """Score yes-or-no predictions of every tag under every weighting.

    Args:
        predicted: (N, C) of bool.
        targets: (N, C) of 0 and 1.
        packed: Weights from :func:`pack_weights`, R lanes in all.

    Returns:
        (4, C, R) in the order of :data:`DECISIONS`: F1, Matthews correlation, precision, recall.
        MCC is 0 where the prediction is constant, as in scikit-learn. Precision is NaN where a
        tag is predicted nowhere; all four are where the sample holds one class only.
    """
    truth = targets.astype(bool)
    hit = weight_of(predicted & truth, packed)
    said = weight_of(predicted, packed)
    real = weight_of(truth, packed)
    total = weight_of(np.ones((len(truth), 1), dtype=bool), packed)
    defined = (real > 0) & (real < total)
    with np.errstate(divide="ignore", invalid="ignore"):
        f1 = 2.0 * hit / (said + real)
        covariance = hit * total - said * real
        # Two roots: the product under one root would lose digits in large samples.
        scale = np.sqrt(said * (total - said)) * np.sqrt(real * (total - real))
        mcc = np.where(scale > 0, covariance / scale, 0.0)
        found = np.stack([f1, mcc, hit / said, hit / real])
    return np.where(defined, found, np.nan)


def valid_tags(targets: np.ndarray) -> np.ndarray:
    """Tell which columns of ``targets`` (N, C) hold both classes, as (C,) of bool."""
    count = targets.sum(axis=0, dtype=np.int64)
    return (count > 0) & (count < len(targets))


def nan_mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Average over the numbers along ``axis``, NaN where there is none, without a warning."""
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
