"""Drops of models that were trained on perturbed audio, by the family that was perturbed.

Models that differ only in the augmentation of their training form a matrix: a row is what a model
was trained on, a column is the audio that it was tested on. All arrays keep the replicate axis, and
all models share the resamples, so that differences from the model without augmentation are paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.config.trained_on import TrainedOn
from benchmark.perturbations import CLEAN, SUITE
from benchmark.score.robustness import Family, families
from benchmark.score.score_types import BootstrapScores

CLEAN_AUDIO = CLEAN.perturbation
"""Name of the row of the unaugmented model, and of the column of clean audio."""

UNSEEN = "unseen"
"""Name of the column with the mean over the families that the training did not contain."""


@dataclass(frozen=True)
class Cell:
    """One model on the audio of one column.

    Attributes:
        model: Name of the model.
        training: What it was trained on.
        tested_on: A family, :data:`CLEAN_AUDIO` or :data:`UNSEEN`.
        families: Families of the mean; none for clean audio.
        score: (1 + B,) mean score over the conditions; NaN if one is missing.
        drop: (1 + B,) mean drop from the clean score of the same model; NaN for clean audio.
        score_difference: (1 + B,) ``score`` minus that of the unaugmented model over the same
            conditions; NaN for the unaugmented model.
        drop_difference: (1 + B,) the same difference of ``drop``; below zero, the augmentation
            makes the model more robust.
        n_seeds: Smallest number of training seeds in the mean over a condition.
    """

    model: str
    training: TrainedOn
    tested_on: str
    families: tuple[Family, ...]
    score: np.ndarray
    drop: np.ndarray
    score_difference: np.ndarray
    drop_difference: np.ndarray
    n_seeds: int

    @property
    def seen(self) -> bool | None:
        """Whether the training contained the family; None for a column that is no family."""
        if self.tested_on in (CLEAN_AUDIO, UNSEEN):
            return None
        return self.tested_on in self.training.families


def matrices(
    data: BootstrapScores, trained_on: Mapping[str, TrainedOn]
) -> dict[str, tuple[Cell, ...]]:
    """Return the cells of each matrix, by the name of its unaugmented model.

    The rows are the unaugmented model, the models trained on one family in the order of the
    columns, and the others by name. The columns are clean audio, the families of the suite, and
    the mean over unseen families. Without a condition of the suite there is no matrix.

    Args:
        data: Scores of every model under every condition.
        trained_on: See :func:`benchmark.config.trained_on.trained_on`.
    """
    columns = tuple(f for f in families(data.conditions) if f.protocol == SUITE)
    if not columns:
        return {}
    result = {}
    for base in sorted({facts.base for facts in trained_on.values()}):
        rows = {name: facts for name, facts in trained_on.items() if facts.base == base}
        order = sorted(rows, key=lambda name: (*_place(rows[name], columns), name))
        clean = next((name for name in order if rows[name].clean), None)
        scores = _Scores(data, clean)
        result[base] = tuple(
            cell for name in order for cell in scores.row(name, rows[name], columns)
        )
    return result


def _place(training: TrainedOn, columns: Sequence[Family]) -> tuple[bool, bool, int]:
    names = [family.name for family in columns]
    single = len(training.families) == 1 and training.families[0] in names
    return not training.clean, not single, names.index(training.families[0]) if single else 0


class _Scores:
    """Primary scores of a benchmark, and those of the unaugmented model of one matrix."""

    def __init__(self, data: BootstrapScores, clean: str | None) -> None:
        self.data = data
        self.clean = clean

    def row(self, model: str, training: TrainedOn, columns: Sequence[Family]) -> tuple[Cell, ...]:
        """Return the cells of one model."""
        unseen = tuple(family for family in columns if family.name not in training.families)
        tested: list[tuple[str, tuple[Family, ...]]] = [(CLEAN_AUDIO, ())]
        tested += [(family.name, (family,)) for family in columns]
        return tuple(
            self._cell(model, training, name, over) for name, over in (*tested, (UNSEEN, unseen))
        )

    def _cell(
        self, model: str, training: TrainedOn, tested_on: str, over: tuple[Family, ...]
    ) -> Cell:
        score, drop = self._means(model, tested_on, over)
        blank = np.full_like(score, np.nan)
        score_difference = drop_difference = blank
        if self.clean is not None and model != self.clean:
            reference_score, reference_drop = self._means(self.clean, tested_on, over)
            score_difference, drop_difference = score - reference_score, drop - reference_drop
        return Cell(
            model, training, tested_on, over, score, drop, score_difference, drop_difference,
            self._n_seeds(model, over),
        )  # fmt: skip

    def _means(
        self, model: str, tested_on: str, over: tuple[Family, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return score and drop (1 + B,), each the mean over families with equal weights."""
        data = self.data
        blank = np.full(data.scores.shape[-1], np.nan)
        if model not in data.models:
            return blank, blank
        m = data.models.index(model)
        if tested_on == CLEAN_AUDIO:
            return data.clean(data.primary)[m], blank
        if not over:
            return blank, blank
        score, drop = (
            np.mean([family.mean(values[m : m + 1, :, 0])[0] for family in over], axis=0)
            for values in (data.scores, data.drops)
        )
        return score, drop

    def _n_seeds(self, model: str, over: tuple[Family, ...]) -> int:
        if model not in self.data.models:
            return 0
        m = self.data.models.index(model)
        clean = self.data.clean_condition(m)
        positions = [k for family in over for severity in family.severities for k in severity]
        if clean is not None:
            positions.append(clean)
        return min((int(self.data.n_seeds[m, k]) for k in positions), default=0)
