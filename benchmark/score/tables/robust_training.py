"""The table ``robust_training.csv``: models trained on perturbed audio, by family of the test.

It has rows if a run has models that differ only in the augmentation of their training. A row is one
model and what it is tested on: clean audio, a family of the suite, or ``unseen``, the mean over the
families that its training did not contain. Differences are those from the model without
augmentation, over the same conditions and with the same resamples. P values are two-sided and
corrected after Holm within one matrix: over all rows and families together, and over all rows for
clean audio and for ``unseen``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from benchmark.score.robust_training import CLEAN_AUDIO, UNSEEN, Cell, matrices
from benchmark.score.score_types import BootstrapScores
from benchmark.score.significance import holm, tail_p
from benchmark.score.tables.schema import Rows, TableInputs, TableSpec, columns, ordered
from benchmark.store.predictions import CellFailure

SIGNIFICANT = 0.05


def _rows(inputs: TableInputs) -> Rows:
    """Return one row per model of a matrix and column; none without augmented models."""
    data = inputs.scores
    if data is None:
        return ()
    rows: list[dict[str, Any]] = []
    for base, cells in matrices(data, inputs.trained_on).items():
        p_values = {
            name: _p_holm(data, cells, np.stack([getattr(cell, name) for cell in cells]))
            for name in ("score_difference", "drop_difference")
        }
        for at, cell in enumerate(cells):
            values: dict[str, Any] = {}
            for name in ("score", "drop", "score_difference", "drop_difference"):
                samples = getattr(cell, name)
                low, high = data.interval(samples)
                values |= {name: samples[0], f"{name}_low": low, f"{name}_high": high}
            for name, p in p_values.items():
                kind = name.removesuffix("_difference")
                values[f"{kind}_p_holm"] = p[at]
                values[f"{kind}_significant"] = None if np.isnan(p[at]) else p[at] < SIGNIFICANT
            rows.append(
                {
                    "base": base,
                    "model": cell.model,
                    "trained_on": cell.training.augmentation or CLEAN_AUDIO,
                    "tested_on": cell.tested_on,
                    "seen": cell.seen,
                    "metric": data.primary,
                    "n_families": len(cell.families),
                    "n_seeds": cell.n_seeds,
                    **values,
                    "missing": _missing(data, cell, inputs.failures),
                }
            )
    return rows


def _p_holm(data: BootstrapScores, cells: Sequence[Cell], differences: np.ndarray) -> np.ndarray:
    """Return two-sided p values (cells,) of differences (cells, 1 + B)."""
    one_sided = np.minimum(
        tail_p(differences, data.n_clusters), tail_p(-differences, data.n_clusters)
    )
    p_values = np.minimum(2.0 * one_sided, 1.0)
    result = np.empty_like(p_values)
    columns = np.array([cell.tested_on for cell in cells])
    families = ~np.isin(columns, (CLEAN_AUDIO, UNSEEN))
    for scope in (families, columns == CLEAN_AUDIO, columns == UNSEEN):
        result[scope] = holm(p_values[scope])
    return result


def _missing(data: BootstrapScores, cell: Cell, failures: Iterable[CellFailure]) -> str:
    """Return which trainings or evaluations of a cell have failed, or that it has no score."""
    names = {CLEAN_AUDIO} | {
        data.conditions[k].perturbation
        for family in cell.families
        for severity in family.severities
        for k in severity
    }
    reasons = {
        f"seed {failure.seed}: {'evaluation' if failure.perturbation else 'training'} failed"
        for failure in failures
        if failure.model == cell.model and failure.perturbation in {"", *names}
    }
    if not reasons and np.isnan(cell.score[0]) and (cell.families or cell.tested_on != UNSEEN):
        return "not evaluated"
    return "; ".join(sorted(reasons))


_COLUMNS = (
    *columns(
        "text",
        base="model trained without augmentation, which names the matrix",
        trained_on="augmentation of the training, such as a family; clean for none",
        tested_on="clean, a family of the suite, or unseen: the mean over the families that the "
        "training did not contain",
        missing="trainings and evaluations without a result",
    ),
    *columns("integer", n_families="number of families in the mean; 0 for clean audio"),
    *columns(
        "boolean",
        seen="whether the training contained the family; blank for clean audio and unseen families",
        score_significant="whether score_p_holm is below 0.05",
        drop_significant="whether drop_p_holm is below 0.05",
    ),
    *columns(
        "number",
        score="mean score over the directions, then the severities, then the families",
        score_low="lower end of the 95 % interval of score",
        score_high="upper end of the 95 % interval of score",
        drop="mean drop from the clean score of the same model; blank for clean audio",
        score_difference="score minus that of the model trained without augmentation",
        score_difference_low="lower end of the paired 95 % interval of score_difference",
        score_difference_high="upper end of the paired 95 % interval of score_difference",
        score_p_holm="two-sided p value of score_difference, Holm-corrected within the matrix",
        drop_difference="drop minus that of the model trained without augmentation",
        drop_difference_low="lower end of the paired 95 % interval of drop_difference",
        drop_difference_high="upper end of the paired 95 % interval of drop_difference",
        drop_p_holm="two-sided p value of drop_difference, Holm-corrected within the matrix",
    ),
)

TABLES = (
    TableSpec(
        "robust_training",
        "one row per model of a matrix of trainings and what it is tested on",
        ("base", "model", "tested_on"),
        ordered(
            "base model trained_on tested_on seen metric n_families n_seeds "
            "score score_low score_high drop drop_low drop_high "
            "score_difference score_difference_low score_difference_high score_p_holm "
            "score_significant drop_difference drop_difference_low drop_difference_high "
            "drop_p_holm drop_significant missing",
            _COLUMNS,
        ),
        from_inputs=_rows,
        optional=True,
    ),
)
