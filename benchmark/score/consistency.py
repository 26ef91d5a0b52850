"""Measures of the change of predictions under a perturbation, which need no labels.

The predictions of a trained model on perturbed audio are compared with its predictions on clean
audio, track by track:

* ``mean_abs_dlogit``: mean over tags of the absolute change of log-odds. The log-odds are computed
  from the stored probability, which is a mean over windows, clipped to [:data:`CLIP`,
  1 - :data:`CLIP`]. A change from 1e-9 to 1e-7 therefore counts as zero.
* ``spearman``: rank correlation between the two vectors of tag scores; undefined for a track with a
  constant vector, which is excluded.
* ``top5_overlap``: fraction of the five highest tags that remain among the five highest. Datasets
  with five tags or fewer do not have this measure.
* ``flip_rate``: multi-label: fraction of decisions at a probability of 0.5 that change;
  single-label: 1 if the predicted class changes (Hendrycks & Dietterich 2019, sec. 4.3).

Values are means over tracks. They measure the amount of change and not its correctness: predictions
that follow an actual change of tempo change as well.
"""

from __future__ import annotations

import numpy as np

from benchmark.score import metrics

CLIP = 1e-6
TOP = 5
MAIN = "mean_abs_dlogit"
"""Measure that is shown where only one measure is shown."""

TITLES = {
    MAIN: "|Δ logit|",
    "spearman": "Spearman",
    f"top{TOP}_overlap": f"top-{TOP} overlap",
    "flip_rate": "flip rate",
}
"""Display names of the measures."""


def names(n_tags: int) -> tuple[str, ...]:
    """Return the names of the measures of a dataset with ``n_tags`` tags."""
    most = (f"top{TOP}_overlap",) if n_tags > TOP else ()
    return (MAIN, "spearman", *most, "flip_rate")


def track_consistency(clean: np.ndarray, perturbed: np.ndarray, *, single: bool) -> np.ndarray:
    """Compare probabilities (N, C) track by track.

    Args:
        clean: (N, C) probabilities on clean audio.
        perturbed: (N, C) probabilities of the same model for the same tracks on perturbed audio.
        single: Whether a track has exactly one class.

    Returns:
        (N, Q) in the order of :func:`names`; NaN if a measure is not defined.
    """
    change = np.abs(log_odds(perturbed) - log_odds(clean)).mean(axis=1)
    measures = [change, spearman(clean, perturbed)]
    if clean.shape[1] > TOP:
        both = metrics.top_k(clean, TOP) & metrics.top_k(perturbed, TOP)
        measures.append(both.sum(axis=1) / TOP)
    if single:
        same = metrics.decide_singlelabel(clean) & metrics.decide_singlelabel(perturbed)
        measures.append(1.0 - same.any(axis=1))
    else:
        measures.append(((clean >= 0.5) != (perturbed >= 0.5)).mean(axis=1))
    return np.stack(measures, axis=1)


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """Return log(p / (1 - p)) of clipped probabilities as float64 of the same shape."""
    p = np.clip(probabilities.astype(np.float64), CLIP, 1.0 - CLIP)
    return np.asarray(np.log(p) - np.log1p(-p))


def spearman(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return Spearman's rho (N,) between the rows of two arrays (N, C), with mean ranks of ties."""
    from scipy.stats import rankdata

    ranks_first, ranks_second = (rankdata(scores, axis=1) for scores in (first, second))
    ranks_first -= ranks_first.mean(axis=1, keepdims=True)
    ranks_second -= ranks_second.mean(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.sqrt((ranks_first**2).sum(axis=1) * (ranks_second**2).sum(axis=1))
        return np.asarray((ranks_first * ranks_second).sum(axis=1) / scale)
