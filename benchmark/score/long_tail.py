"""Hit rate on classes with few training tracks.

A class is *rare* if it has fewer training tracks than a threshold: 100 or 200, or 20 or 50 in a
small dataset whose classes all have fewer than 100. The hit rate at K
(2, 3 or 5) measures whether a rare class is among the K highest scores of a track. Han et al.
(EMNLP 2018) use this measure for relations in text, and
github.com/JohannesLiu/Music-Genre-Classification for genres. The rare classes are determined from
the training counts. The list of rare genres in that repository includes a genre with 814 training
tracks, so that its hit rates are not those of rare classes; to compare with them, published lists
(``published_rare_classes.json``) are scored beside.

The same definition is used for both tasks. Every pair of a test track and a rare class of the track
is one trial; it is a hit if the class is among the K highest of the track's C scores. The hit rate
is the fraction of trials that are hits. A single-label track gives at most one trial, so that the
hit rate is the top-K accuracy on the tracks of rare classes. A multi-label track gives one trial
for each of its rare tags.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.config.published import published_name
from benchmark.score.metrics import top_k, weight_of
from benchmark.score.metrics.class_metrics import TOP

THRESHOLDS = (100, 200)
"""A class with fewer training tracks than this is rare."""

SMALL_THRESHOLDS = (20, 50)
"""The same for a dataset without a class of 100 training tracks or more."""

_PUBLISHED = Path(__file__).with_name("published_rare_classes.json")


@dataclass(frozen=True)
class Tail:
    """Definition of one hit rate: at ``k``, on the classes below ``threshold``.

    Attributes:
        threshold: Number of training tracks below which a class is rare.
        k: Number of highest scores of a track in which the class is searched.
        rare: Columns of the rare classes, ascending; at least one.
        source: Publication that lists the classes; empty for those below the threshold.
    """

    threshold: int
    k: int
    rare: tuple[int, ...]
    source: str = ""


def counts_of(tags: np.ndarray, training: Mapping[str, int]) -> np.ndarray:
    """Return the number of training tracks of each tag (C,); 0 for a tag without a count."""
    return np.array([training.get(str(tag), 0) for tag in tags], dtype=np.int64)


def tails_of(counts: np.ndarray) -> tuple[Tail, ...]:
    """Return every hit rate that is defined for the training counts.

    A threshold without rare classes is excluded, and so is a K of at least C, for which every model
    would score 1.

    Args:
        counts: (C,) number of training tracks of each class.
    """
    tails: list[Tail] = []
    for threshold in SMALL_THRESHOLDS if counts.max() < THRESHOLDS[0] else THRESHOLDS:
        rare = tuple(int(column) for column in np.flatnonzero(counts < threshold))
        tails += [Tail(threshold, k, rare) for k in TOP if rare and k < len(counts)]
    return tuple(tails)


def published_tails(dataset: str, tags: Sequence[str]) -> tuple[Tail, ...]:
    """Return the hit rates on the classes that a publication calls rare.

    Args:
        dataset: Name of the dataset; most have no such list. See `published_name`.
        tags: (C,) names of the classes. A list that names others is not used.
    """
    entry = _published().get(published_name(dataset))
    if entry is None:
        return ()
    tails: list[Tail] = []
    for threshold, names in entry["classes"].items():
        if set(names) <= set(tags):
            rare = tuple(at for at, tag in enumerate(tags) if tag in names)
            tails += [Tail(int(threshold), k, rare, entry["source"]) for k in TOP if k < len(tags)]
    return tuple(tails)


@cache
def _published() -> dict[str, Any]:
    lists: dict[str, Any] = json.loads(_PUBLISHED.read_text(encoding="utf-8"))
    return lists


def hit_rate(scores: np.ndarray, targets: np.ndarray, tail: Tail, packed: np.ndarray) -> np.ndarray:
    """Return the hit rate (R,) under every weighting; NaN for a weighting without trials.

    Args:
        scores: (N, C); any scale that ranks the classes of a track.
        targets: (N, C) of 0 and 1.
        tail: Threshold, K and rare classes.
        packed: Weights from :func:`benchmark.score.metrics.pack_weights`, R lanes in all.
    """
    rare = list(tail.rare)
    trials = targets[:, rare].astype(bool)
    hits = trials & top_k(scores, tail.k)[:, rare]
    with np.errstate(invalid="ignore"):
        return weight_of(hits, packed).sum(axis=0) / weight_of(trials, packed).sum(axis=0)
