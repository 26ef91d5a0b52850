"""Macro scores over groups of tags: tags that a perturbation does not change, and categories.

The dataset defines the groups (`datamodules.labels.perturbed_tags`). The *invariant* group of a
condition contains the tags that its family does not change; its drop is relative to the clean score
of the same tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmark.score import metrics

INVARIANT = "invariant"
"""Suffix of the metrics in ``robustness.csv`` that exclude the tags that a family changes."""

SEEN, UNSEEN = "seen tags", "unseen tags"
"""Groups of the tags that a model was trained on, and of the others, where it predicts both."""

SCORED = ("roc_auc", "pr_auc")
"""Metrics of a group, in the order of the first axis of its scores."""


@dataclass(frozen=True)
class TagFacts:
    """Facts about the tags of a dataset.

    Attributes:
        unstable: Tags that a family of perturbations may change, by family.
        categories: Category of each tag that has one.
    """

    unstable: Mapping[str, Sequence[str]] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)

    def stable(self, tags: np.ndarray, family: str) -> np.ndarray | None:
        """Return the columns (K,) not changed by a family; None if no family changes any tag."""
        if not self.unstable:
            return None
        changed = set(self.unstable.get(family, ()))
        return np.array([c for c, tag in enumerate(tags) if str(tag) not in changed], dtype=int)

    def members(self, tags: np.ndarray) -> dict[str, np.ndarray]:
        """Return the columns of each category by its name, sorted by name."""
        columns: dict[str, list[int]] = {}
        for column, tag in enumerate(tags):
            if str(tag) in self.categories:
                columns.setdefault(self.categories[str(tag)], []).append(column)
        return {name: np.array(columns[name]) for name in sorted(columns)}


@dataclass(frozen=True)
class GroupScores:
    """Scores of one group for one model and condition, each (2,) in the order of :data:`SCORED`.

    Attributes:
        n_tags: Number of tags of the group that have a score.
        value: Mean score over these tags.
        low: Lower end of the interval of ``value``.
        high: Upper end of the interval of ``value``.
        drop: Score on clean audio minus ``value``.
        drop_low: Lower end of the paired interval of ``drop``.
        drop_high: Upper end of the paired interval of ``drop``.
        p_drop: One-sided p value of a drop above zero, not corrected.
    """

    n_tags: int
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    drop: np.ndarray
    drop_low: np.ndarray
    drop_high: np.ndarray
    p_drop: np.ndarray


def macro(tags: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Average the tag scores (M, C, 1 + B) in :data:`SCORED` over some columns: (2, 1 + B)."""
    return metrics.nan_mean(tags[: len(SCORED)][:, columns], axis=1)
