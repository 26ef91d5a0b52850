"""Rows of ``robust_training.csv`` as matrices: trained on, against tested on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from benchmark.perturbations import catalogue
from benchmark.report.labels import family_title, records

Kind = Literal["score", "drop"]

CLEAN, UNSEEN = "clean", "unseen"
"""Columns that are not a family."""


@dataclass(frozen=True)
class Cell:
    """One cell of a matrix.

    Attributes:
        values: Columns of ``robust_training.csv``.
    """

    values: Mapping[str, Any]

    @property
    def kind(self) -> Kind:
        """What the cell states: the score on clean audio, a drop elsewhere."""
        return "score" if self.values["tested_on"] == CLEAN else "drop"

    @property
    def seen(self) -> bool:
        """Whether the training contained the family."""
        return self.values["seen"] is True

    @property
    def sure(self) -> bool:
        """Whether the difference from the model trained on clean audio is significant."""
        return self.values[f"{self.kind}_significant"] is True

    @property
    def estimate(self) -> tuple[float, float, float]:
        """The score or drop, with the ends of its interval; NaN if missing."""
        return self._triple(self.kind)

    @property
    def difference(self) -> tuple[float, float, float]:
        """The difference from the model trained on clean audio, with its paired interval."""
        return self._triple(f"{self.kind}_difference")

    @property
    def score(self) -> tuple[float, float, float]:
        """The mean score, with the ends of its interval; NaN if missing."""
        return self._triple("score")

    @property
    def score_difference(self) -> tuple[float, float, float]:
        """The difference of ``score`` from the model trained on clean audio, paired."""
        return self._triple("score_difference")

    @property
    def score_sure(self) -> bool:
        """Whether ``score_difference`` is significant."""
        return self.values["score_significant"] is True

    @property
    def note(self) -> str:
        """What stands in a cell without a number."""
        reason = self.values["missing"]
        if pd.isna(reason):
            return "\N{EN DASH}"  # no family is unseen
        return "failed" if "failed" in reason else "not run"

    def _triple(self, name: str) -> tuple[float, float, float]:
        value, low, high = (self.values[f"{name}{end}"] for end in ("", "_low", "_high"))
        return value, low, high


@dataclass(frozen=True)
class Row:
    """One model of a matrix.

    Attributes:
        model: Name of the model.
        title: What it was trained on.
        clean: Whether it was trained without augmentation.
        cells: One for each column.
    """

    model: str
    title: str
    clean: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Matrix:
    """Models that differ only in the augmentation of their training.

    Attributes:
        base: Name of the model that was trained without augmentation.
        columns: Values of ``tested_on``.
        rows: The models.
    """

    base: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def titles(self) -> list[str]:
        """Headings of the columns."""
        return [column_title(name) for name in self.columns]

    @property
    def compared(self) -> bool:
        """Whether the matrix has a model trained without augmentation."""
        return any(row.clean for row in self.rows)

    @property
    def notes(self) -> list[str]:
        """Trainings and evaluations without a result, by model."""
        notes = {
            f"{row.model}, {reason}": None
            for row in self.rows
            for cell in row.cells
            if not pd.isna(cell.values["missing"])
            for reason in str(cell.values["missing"]).split("; ")
        }
        return list(notes)


def matrices(table: pd.DataFrame) -> list[Matrix]:
    """Return the matrices of ``robust_training.csv`` in the order of the file."""
    result = []
    for base in dict.fromkeys(table["base"]):
        own = table[table["base"] == base]
        columns = tuple(str(name) for name in dict.fromkeys(own["tested_on"]))
        titles = _row_titles(own, columns)
        rows = []
        for model, title in titles.items():
            cells = tuple(Cell(values) for values in records(own[own["model"] == model]))
            clean = bool(cells[0].values["trained_on"] == CLEAN)
            rows.append(Row(model, title, clean, cells))
        result.append(Matrix(str(base), columns, tuple(rows)))
    return result


def column_title(name: str) -> str:
    """Return the heading of a column."""
    special = {CLEAN: "clean score", UNSEEN: "unseen families"}
    return special.get(name) or family_title(name)


def _row_titles(rows: pd.DataFrame, columns: tuple[str, ...]) -> dict[str, str]:
    """Return what the models of one matrix were trained on, by model."""
    first = rows.drop_duplicates("model")
    names = [str(name) for name in first["trained_on"]]
    families = {*columns, *(perturbation.family for perturbation in catalogue().values())}
    titles = [family_title(name) if name in families else name for name in names]
    models = [str(name) for name in first["model"]]
    if len(set(titles)) < len(titles):  # two models may be trained on one augmentation
        titles = models
    return dict(zip(models, titles, strict=True))
