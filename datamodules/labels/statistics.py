"""What the labels of a dataset say about it: counts, correlations, lengths and shared artists.

Nothing here reads audio. Functions over a label matrix are pure, so they serve a prepared corpus
and a publisher's annotation file alike. Tables have one row a thing and plain numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from datamodules.corpus.track import SPLITS

Float64 = npt.NDArray[np.float64]
Labels = npt.NDArray[np.uint8]

_MOST_BINS = 30


def tag_counts(labels: Labels, tags: Sequence[str], splits: Sequence[str]) -> pd.DataFrame:
    """Count the clips of each tag, the most frequent tag first, ties in the order of ``tags``.

    Args:
        labels: 0 or 1 (N, C).
        tags: Names (C,).
        splits: Of each clip (N,).

    Returns:
        ``tag``, ``clips``, a column a split, and ``share`` of all clips.
    """
    table = pd.DataFrame({"tag": list(tags), "clips": labels.sum(axis=0, dtype=np.int64)})
    for split, rows in _by_split(splits).items():
        table[split] = labels[rows].sum(axis=0, dtype=np.int64)
    table["share"] = table["clips"] / max(len(labels), 1)
    return table.sort_values("clips", ascending=False, kind="stable", ignore_index=True)


def tags_per_clip(labels: Labels, splits: Sequence[str]) -> pd.DataFrame:
    """Count the clips with 0, 1, 2, ... tags.

    Args:
        labels: 0 or 1 (N, C).
        splits: Of each clip (N,).

    Returns:
        ``tags``, ``clips`` and a column a split.
    """
    counts = labels.sum(axis=1, dtype=np.int64)
    most = int(counts.max(initial=0)) + 1
    table = {"tags": np.arange(most), "clips": np.bincount(counts, minlength=most)}
    for split, rows in _by_split(splits).items():
        table[split] = np.bincount(counts[rows], minlength=most)
    return pd.DataFrame(table)


def together(labels: Labels) -> npt.NDArray[np.int64]:
    """Return how many clips carry both of two tags (C, C); the diagonal counts single tags."""
    # Float64 is exact up to 2**53 and, unlike integers, is multiplied by BLAS.
    matrix = labels.astype(np.float64)
    return (matrix.T @ matrix).astype(np.int64)


def correlations(labels: Labels) -> Float64:
    """Return Pearson's correlation of the label columns, which for 0 and 1 is phi.

    It is taken from exact counts. The figures published for the 50 tags of MagnaTagATune
    (choir and choral 0.6573, not rounded but cut) arise over the 21,111 clips with at least one
    of these tags; clips without any would raise every correlation.

    Args:
        labels: 0 or 1 (N, C).

    Returns:
        (C, C), NaN for a tag that all clips carry, or none.
    """
    both = together(labels).astype(np.float64)
    counts = np.diagonal(both)
    spread = np.sqrt(counts * (len(labels) - counts))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Float64 = (len(labels) * both - np.outer(counts, counts)) / np.outer(spread, spread)
    return np.clip(found, -1.0, 1.0)


def correlated_pairs(labels: Labels, tags: Sequence[str]) -> pd.DataFrame:
    """List every pair of tags, the most correlated first.

    Args:
        labels: 0 or 1 (N, C).
        tags: Names (C,).

    Returns:
        ``tag``, ``other``, ``correlation``, ``both`` (clips that carry the two) and ``either``.
        A pair without a correlation (see `correlations`) is left out.
    """
    first, second = np.triu_indices(len(tags), k=1)
    both = together(labels)
    counts = np.diagonal(both)
    names = np.array(tags, dtype=object)
    table = pd.DataFrame(
        {
            "tag": names[first],
            "other": names[second],
            "correlation": correlations(labels)[first, second],
            "both": both[first, second],
            "either": counts[first] + counts[second] - both[first, second],
        }
    ).dropna(subset=["correlation"])
    return table.sort_values("correlation", ascending=False, kind="stable", ignore_index=True)


def durations(seconds: Float64, splits: Sequence[str]) -> pd.DataFrame:
    """Count clips by length in bins of equal width, from the shortest to the longest.

    Args:
        seconds: Of each clip (N,).
        splits: Of each clip (N,).

    Returns:
        ``from_seconds``, ``to_seconds``, ``clips`` and a column a split.
    """
    span = float(np.ptp(seconds)) if len(seconds) else 0.0
    if span < 1e-3:  # clips of one length: one bin, and not a window around rounding
        middle = float(seconds[0]) if len(seconds) else 0.0
        edges = np.array([middle - 0.5, middle + 0.5])
    else:
        bins = min(_MOST_BINS, max(5, round(len(seconds) ** 0.5)))
        edges = np.linspace(float(seconds.min()), float(seconds.max()), bins + 1)
    table = {
        "from_seconds": edges[:-1],
        "to_seconds": edges[1:],
        "clips": np.histogram(seconds, edges)[0],
    }
    for split, rows in _by_split(splits).items():
        table[split] = np.histogram(seconds[rows], edges)[0]
    return pd.DataFrame(table)


def _by_split(splits: Sequence[str]) -> dict[str, npt.NDArray[np.bool_]]:
    found = np.asarray(splits, dtype=object)
    return {split: found == split for split in SPLITS}
