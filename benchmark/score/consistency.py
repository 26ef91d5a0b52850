"""How far a perturbation moves predictions, whatever the truth: a robustness that needs no labels.

Perturbed predictions of a trained model are held against its own on clean audio, track by track:

* ``mean_abs_dlogit``: mean over tags of the absolute change of log-odds. They are those of the
  stored probability, which is a mean over windows, clipped to [:data:`CLIP`, 1 - :data:`CLIP`]: a
  tag that goes from 1e-9 to 1e-7 has not moved.
* ``spearman``: rank correlation of the two lists of tags; a track with one of them constant has
  none and is left out.
* ``top5_overlap``: share of the five highest tags that stay among the five highest. Where there
  are five tags or fewer it is left out.
* ``flip_rate``: multi-label, the share of decisions at a probability of 0.5 that change;
  single-label, 1 where another class comes first (Hendrycks & Dietterich 2019, sec. 4.3).

Values are means over tracks. They say how much changed, not whether for the worse: a model that
follows a true change of tempo moves as well.
"""

from __future__ import annotations

import numpy as np

from benchmark.score import metrics

CLIP = 1e-6
TOP = 5
MAIN = "mean_abs_dlogit"
"""The measure that stands for all where there is room for one."""

TITLES = {
    MAIN: "|Δ logit|",
    "spearman": "Spearman",
    f"top{TOP}_overlap": f"top-{TOP} overlap",
    "flip_rate": "flip rate",
}
"""How people read the measures."""


def names(n_tags: int) -> tuple[str, ...]:
    """Return the measures that a dataset of C tags has."""
    most = (f"top{TOP}_overlap",) if n_tags > TOP else ()
    return (MAIN, "spearman", *most, "flip_rate")


def track_consistency(clean: np.ndarray, perturbed: np.ndarray, *, single: bool) -> np.ndarray:
    """Compare probabilities (N, C) track by track.

    Args:
        clean: On clean audio.
        perturbed: Of the same model and tracks.
        single: Whether a track has one class.

    Returns:
        (N, Q) in the order of :func:`names`; NaN where a measure is not defined.
    """
    moved = np.abs(log_odds(perturbed) - log_odds(clean)).mean(axis=1)
    found = [moved, spearman(clean, perturbed)]
    if clean.shape[1] > TOP:
        both = metrics.top_k(clean, TOP) & metrics.top_k(perturbed, TOP)
        found.append(both.sum(axis=1) / TOP)
    if single:
        same = metrics.decide_singlelabel(clean) & metrics.decide_singlelabel(perturbed)
        found.append(1.0 - same.any(axis=1))
    else:
        found.append(((clean >= 0.5) != (perturbed >= 0.5)).mean(axis=1))
    return np.stack(found, axis=1)


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """Return log(p / (1 - p)) of clipped probabilities, float64."""
    p = np.clip(probabilities.astype(np.float64), CLIP, 1.0 - CLIP)
    return np.asarray(np.log(p) - np.log1p(-p))


def spearman(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return Spearman's rho (N,) between the rows of (N, C), ties at their mean rank."""
    from scipy.stats import rankdata

    one, other = (rankdata(scores, axis=1) for scores in (first, second))
    one -= one.mean(axis=1, keepdims=True)
    other -= other.mean(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
        return np.asarray((one * other).sum(axis=1) / scale)
