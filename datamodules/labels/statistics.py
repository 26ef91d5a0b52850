"""Statistics of the labels of a dataset: tag counts, correlations and lengths of clips.

No function reads audio. The functions take arrays, so they apply to a prepared corpus and to a
publisher's annotation file. Each returned table is in long form, with unformatted numbers.
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
    """Count the clips of each tag.

    Args:
        labels: Binary labels of shape ``(N, C)``.
        tags: Names of the C tags.
        splits: Splits of the N clips.

    Returns:
        Table with the columns ``tag``, ``clips``, one for each split (clips in it), and ``share``
        (of all clips). The most frequent tag is first; ties keep the order of ``tags``.
    """
    table = pd.DataFrame({"tag": list(tags), "clips": labels.sum(axis=0, dtype=np.int64)})
    for split, rows in _by_split(splits).items():
        table[split] = labels[rows].sum(axis=0, dtype=np.int64)
    table["share"] = table["clips"] / max(len(labels), 1)
    return table.sort_values("clips", ascending=False, kind="stable", ignore_index=True)


def tags_per_clip(labels: Labels, splits: Sequence[str]) -> pd.DataFrame:
    """Count the clips with 0, 1, 2, ... tags.

    Args:
        labels: Binary labels of shape ``(N, C)``.
        splits: Splits of the N clips.

    Returns:
        Table with the columns ``tags`` (number of tags), ``clips`` and one for each split.
    """
    counts = labels.sum(axis=1, dtype=np.int64)
    most = int(counts.max(initial=0)) + 1
    table = {"tags": np.arange(most), "clips": np.bincount(counts, minlength=most)}
    for split, rows in _by_split(splits).items():
        table[split] = np.bincount(counts[rows], minlength=most)
    return pd.DataFrame(table)


def co_occurrences(labels: Labels) -> npt.NDArray[np.int64]:
    """Count the clips that have both tags of each pair.

    Args:
        labels: Binary labels of shape ``(N, C)``.

    Returns:
        int64 of shape ``(C, C)``; the diagonal contains the number of clips of each tag.
    """
    # BLAS multiplies float64 but not integers; float64 is exact up to 2**53.
    matrix = labels.astype(np.float64)
    return (matrix.T @ matrix).astype(np.int64)


def correlations(labels: Labels) -> Float64:
    """Return Pearson's correlation of the label columns, which is phi for binary labels.

    The correlation is computed from exact counts. The values published for the 50 tags of
    MagnaTagATune (0.6573 for choir and choral, truncated to four digits) refer to the 21,111 clips
    with at least one of these tags; clips without any of them would raise every correlation.

    Args:
        labels: Binary labels of shape ``(N, C)``.

    Returns:
        float64 of shape ``(C, C)``; NaN for a tag of all clips or of no clip.
    """
    both = co_occurrences(labels).astype(np.float64)
    counts = np.diagonal(both)
    spread = np.sqrt(counts * (len(labels) - counts))
    with np.errstate(invalid="ignore", divide="ignore"):
        phi: Float64 = (len(labels) * both - np.outer(counts, counts)) / np.outer(spread, spread)
    return np.clip(phi, -1.0, 1.0)


def correlated_pairs(labels: Labels, tags: Sequence[str]) -> pd.DataFrame:
    """List the pairs of tags, the most correlated pair first.

    Args:
        labels: Binary labels of shape ``(N, C)``.
        tags: Names of the C tags.

    Returns:
        Table with the columns ``tag``, ``other``, ``correlation``, ``both`` (clips with both tags)
        and ``either`` (clips with at least one of them). Pairs whose correlation is NaN (see
        `correlations`) are omitted.
    """
    first, second = np.triu_indices(len(tags), k=1)
    both = co_occurrences(labels)
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
    """Count the clips by length, in bins of equal width from the shortest to the longest clip.

    Args:
        seconds: Lengths of the clips in seconds, of shape ``(N,)``.
        splits: Splits of the N clips.

    Returns:
        Table with the columns ``from_seconds``, ``to_seconds``, ``clips`` and one for each split.
    """
    span = float(np.ptp(seconds)) if len(seconds) else 0.0
    if span < 1e-3:  # The clips differ only by rounding: use one bin of 1 s.
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
    split_of_clip = np.asarray(splits, dtype=object)
    return {split: split_of_clip == split for split in SPLITS}
