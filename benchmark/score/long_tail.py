"""How well a model knows the classes that it saw seldom in training.

A class is *rare* below a threshold of training tracks (100 and 200), and the question is whether
the model names it at all: among its K highest scores of the track, K being 2, 3 and 5. Han et al.
(EMNLP 2018) ask so for relations in text, github.com/JohannesLiu/Music-Genre-Classification for
genres. Which classes are rare is counted here: a list there holds a genre of 814 training tracks.

One definition serves both tasks. Every pair of a test track and a rare class that the track
carries is one trial; it is a hit if the class is among the K highest of the track's C scores. The
hit rate is the share of hits among the trials. A single-label track is one trial at most, so
that the rate is the top-K accuracy on the tracks of rare classes; a multi-label track counts once
for each of its rare tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmark.score.metrics import top_k, weight_of
from benchmark.score.metrics.class_metrics import TOP

THRESHOLDS = (100, 200)
"""A class with fewer training tracks than this is rare."""


@dataclass(frozen=True)
class Tail:
    """One question: the hit rate at ``k`` on the classes below ``threshold``.

    Attributes:
        threshold: Training tracks that a class must have not to be rare.
        k: How many of the highest scores of a track count.
        rare: Columns of the rare classes, ascending; at least one.
    """

    threshold: int
    k: int
    rare: tuple[int, ...]


def counts_of(tags: np.ndarray, training: Mapping[str, int]) -> np.ndarray:
    """Return the training tracks of each tag (C,); a tag that was not counted has none."""
    return np.array([training.get(str(tag), 0) for tag in tags], dtype=np.int64)


def tails_of(counts: np.ndarray) -> tuple[Tail, ...]:
    """Return every question that has an answer.

    Thresholds below which no class lies are left out, and so is a K of all the classes there are:
    every model would score 1.

    Args:
        counts: (C,) training tracks of each class.
    """
    found = []
    for threshold in THRESHOLDS:
        rare = tuple(int(column) for column in np.flatnonzero(counts < threshold))
        found += [Tail(threshold, k, rare) for k in TOP if rare and k < len(counts)]
    return tuple(found)


def hit_rate(scores: np.ndarray, targets: np.ndarray, tail: Tail, packed: np.ndarray) -> np.ndarray:
    """Return the hit rate (R,) under every weighting; NaN where it has no trial.

    Args:
        scores: (N, C); any scale that ranks the classes of a track.
        targets: (N, C) of 0 and 1.
        tail: The question.
        packed: Weights from :func:`benchmark.score.metrics.pack_weights`, R lanes in all.
    """
    rare = list(tail.rare)
    trials = targets[:, rare].astype(bool)
    hits = trials & top_k(scores, tail.k)[:, rare]
    with np.errstate(invalid="ignore"):
        return weight_of(hits, packed).sum(axis=0) / weight_of(trials, packed).sum(axis=0)
