"""Precision-recall curve over all pairs of a track and a class, on which a curve is drawn.

The pairs are ranked by their scores, the highest first. The curve states the precision of the
shortest beginning of this ranking that contains a share of all true pairs; pairs with tied scores
belong to it together. MATT draws this curve for the flattened scores of a test set.
"""

from __future__ import annotations

import numpy as np

RECALLS = np.arange(1, 101) / 100
"""Recalls at which the curve is stated."""


def precision_at_recalls(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the precision (P,) at each of :data:`RECALLS`; NaN without a true pair.

    Args:
        scores: (N, C); on one scale for all tracks and classes.
        targets: (N, C) of 0 and 1.
    """
    flat = scores.ravel()
    order = np.argsort(-flat, kind="stable")
    ranked, hits = flat[order], np.cumsum(targets.ravel()[order], dtype=np.int64)
    if not len(hits) or hits[-1] == 0:
        return np.full(len(RECALLS), np.nan)
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # of groups of ties
    # In integers, because 0.07 * 100 is 7.000000000000001.
    needed = -(-np.arange(1, len(RECALLS) + 1) * int(hits[-1]) // len(RECALLS))
    at = ends[np.searchsorted(hits[ends], needed)]
    precision: np.ndarray = hits[at] / (at + 1)
    return precision
