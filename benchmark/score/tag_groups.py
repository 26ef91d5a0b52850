"""Macro scores over groups of tags: those whose truth a perturbation leaves alone, and categories.

Groups come from the dataset (`datamodules.labels.perturbed_tags`). The *invariant* group of a
condition holds the tags that its family does not change; its drop is from
the clean score of the same tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmark.score import metrics

INVARIANT = "invariant"
"""Suffix of the metrics in ``robustness.csv`` that leave out the tags which a family changes."""

SCORED = ("roc_auc", "pr_auc")
"""First axis of the scores of a group."""


@dataclass(frozen=True)
class TagFacts:
    """What a dataset says of its tags.

    Attributes:
        unstable: Tags whose truth a family of perturbations may change, by family.
        categories: Category of each tag that has one.
    """

    unstable: Mapping[str, Sequence[str]] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)

    def stable(self, tags: np.ndarray, family: str) -> np.ndarray | None:
        """Return the columns (K,) that a family leaves alone; None where no family changes any."""
        if not self.unstable:
            return None
        changed = set(self.unstable.get(family, ()))
        return np.array([c for c, tag in enumerate(tags) if str(tag) not in changed], dtype=int)

    def members(self, tags: np.ndarray) -> dict[str, np.ndarray]:
        """Return the columns of each category, by name."""
        found: dict[str, list[int]] = {}
        for column, tag in enumerate(tags):
            if str(tag) in self.categories:
                found.setdefault(self.categories[str(tag)], []).append(column)
        return {name: np.array(found[name]) for name in sorted(found)}


@dataclass(frozen=True)
class GroupScores:
    """Scores of one group for one model and condition, each (2,) in the order of :data:`SCORED`.

    Attributes:
        n_tags: Tags of the group that have a score.
        value: Mean over them.
        low: Lower end of its interval.
        high: Upper end.
        drop: Fall from clean audio.
        drop_low: Lower end of its paired interval.
        drop_high: Upper end.
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
    """Average scores of tags (M, C, 1 + B) over some of them: (2, 1 + B)."""
    return metrics.nan_mean(tags[: len(SCORED)][:, columns], axis=1)
