"""Definition of a metric, and of the sample of tracks that it is computed on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from benchmark.score.metrics.decisions import (
    decide_multilabel,
    decide_singlelabel,
    decision_scores,
)
from benchmark.score.metrics.ranking import ranking_scores
from benchmark.score.metrics.weights import weight_of, weighted_mean

MULTILABEL, SINGLELABEL = "multilabel", "singlelabel"


@dataclass(frozen=True)
class Sample:
    """Predictions of one model under one condition, with the weight of each track.

    Attributes:
        scores: (N, C) finite; any scale that ranks the tracks of a tag.
        targets: (N, C) of 0 and 1.
        packed: Weights from :func:`benchmark.score.metrics.weights.pack_weights`, R lanes in all:
            the estimate, the bootstrap replicates, and padding.
        single: Whether a track has exactly one class.
        extra: Further arrays (N, ...) that a model stores with its predictions, by name.
    """

    scores: np.ndarray
    targets: np.ndarray
    packed: np.ndarray
    single: bool
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)

    @cached_property
    def predicted(self) -> np.ndarray:
        """(N, C) of bool: predicted tags or classes."""
        if self.single:
            return decide_singlelabel(self.scores)
        return decide_multilabel(self.scores, self.targets)

    @cached_property
    def ranking(self) -> np.ndarray:
        """(3, C, R): see :func:`benchmark.score.metrics.ranking.ranking_scores`."""
        return ranking_scores(self.scores, self.targets, self.packed)

    @cached_property
    def decisions(self) -> np.ndarray:
        """(4, C, R): see :func:`benchmark.score.metrics.decisions.decision_scores`."""
        return decision_scores(self.predicted, self.targets, self.packed)

    def mean_over_tracks(self, values: np.ndarray) -> np.ndarray:
        """Return the mean (Q, R) of track values (N, Q) under every weighting."""
        return weighted_mean(values, self.packed)

    def mean_by_tag(self, values: np.ndarray) -> np.ndarray:
        """Return the mean (C, R) of values (N, C); NaN if all or no tracks have the tag."""
        positive = weight_of(self.targets.astype(bool), self.packed)
        total = weight_of(np.ones((len(self.targets), 1), dtype=bool), self.packed)
        defined = (positive > 0) & (positive < total)
        return np.where(defined, self.mean_over_tracks(values), np.nan)


@dataclass(frozen=True)
class Metric:
    """A score of predictions; one entry of ``METRICS`` in a module of this package.

    Attributes:
        name: Name in the tables.
        title: Name in the report, on figures and in W&B.
        chance: Maps the prevalence of each tag (C,) to the score of random predictions.
        higher_is_better: Whether a larger value is better. A positive drop is always a loss of
            quality: clean minus perturbed, or perturbed minus clean if lower is better.
        compute: Maps a sample to (C, R) for a metric of tags, whose score is the mean over tags,
            or to (R,) for a metric of tracks. Undefined values are NaN.
        of: Whether ``compute`` scores each tag or all tracks at once.
        tasks: Tasks whose leaderboard has the metric. The first metric of a task ranks its models.
        per_tag: Whether ``per_tag.csv`` has a column for it; only for a metric of tags.
        min_tags: Smallest number of tags for which the metric is not constant.
        default: Whether every leaderboard of the tasks has the metric; otherwise those of a preset
            that names it under ``metrics``.
    """

    name: str
    title: str
    chance: Callable[[np.ndarray], float]
    higher_is_better: bool
    compute: Callable[[Sample], np.ndarray]
    of: Literal["tag", "track"] = "tag"
    tasks: tuple[str, ...] = (MULTILABEL, SINGLELABEL)
    per_tag: bool = True
    min_tags: int = 1
    default: bool = True


def mean_prevalence(prevalence: np.ndarray) -> float:
    """Return the mean of the prevalence (C,): the chance level of precision and its averages."""
    return float(prevalence.mean())
