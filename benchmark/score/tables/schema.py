"""Definition of a result table: its columns, its keys and the function that computes its rows."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pandas as pd

from benchmark.config.compared_tags import ComparedTags
from benchmark.config.trained_on import TrainedOn
from benchmark.score.score_types import BootstrapScores
from benchmark.store.predictions import CellFailure, Evaluation
from benchmark.store.schema import Column, Kind, TableSchema, tidy

_FIRST = ("leaderboard", "conditions", "statistics", "consistency", "classes", "failures")
"""Modules whose tables are listed first; those of other modules follow by name."""


@dataclass(frozen=True)
class TableInputs:
    """Data from which a table can be computed.

    Attributes:
        scores: Scores of every model and condition; None if no predictions could be read.
        evaluations: Finished evaluations whose predictions can be read.
        failures: Cells that did not finish.
        baseline: Model that mCE is relative to.
        n_boot: Bootstrap replicates.
        seed: Seed of the bootstrap.
        trained_on: Models that differ only in the augmentation of their training, by name.
        compared: Tags that the models are compared on; None without imported models.
        without_audio: Models whose input is not audio, which have no perturbed conditions.
    """

    scores: BootstrapScores | None
    evaluations: Sequence[Evaluation]
    failures: Sequence[CellFailure]
    baseline: str
    n_boot: int
    seed: int
    trained_on: Mapping[str, TrainedOn] = field(default_factory=dict)
    compared: ComparedTags | None = None
    without_audio: frozenset[str] = frozenset()


Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class TableSpec(TableSchema):
    """A CSV file of a dataset; one entry of ``TABLES`` in a module of this package.

    Attributes:
        build: Function from the scores of a benchmark to rows; not called without scores.
        from_inputs: Function from all inputs to rows; replaces ``build`` in a table that needs more
            than the scores, or that exists without them.
        when_empty: Columns of a table without rows, if its columns depend on the rows.
        optional: Whether a table without rows has no file.
    """

    build: Callable[[BootstrapScores], Rows] | None = None
    from_inputs: Callable[[TableInputs], Rows] | None = None
    when_empty: tuple[str, ...] = field(default=())
    optional: bool = False

    def frame(self, inputs: TableInputs) -> pd.DataFrame:
        """Compute the table as a frame with the columns and types of the schema."""
        rows: Rows = ()
        if self.from_inputs is not None:
            rows = self.from_inputs(inputs)
        elif self.build is not None and inputs.scores is not None:
            rows = self.build(inputs.scores)
        if not self.when_empty:
            return tidy(rows, self)
        return tidy(rows, self, () if rows else self.when_empty)


@cache
def all_tables() -> dict[str, TableSpec]:
    """Return every table by name, in the order in which they are listed.

    Raises:
        TypeError: Two tables have the same name.
    """
    package = importlib.import_module("benchmark.score.tables")
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    tables: dict[str, TableSpec] = {}
    for name in (*_FIRST, *sorted(modules - set(_FIRST))):
        module = importlib.import_module(f"{package.__name__}.{name}")
        for table in getattr(module, "TABLES", ()):
            if table.name in tables:
                raise TypeError(f"Two tables are named {table.name!r}. Rename one.")
            tables[table.name] = table
    return tables


def columns(kind: Kind, **descriptions: str) -> tuple[Column, ...]:
    """Return columns of one type.

    Args:
        kind: Type of the values of every column.
        descriptions: Description of each column by its name.
    """
    return tuple(Column(name, kind, text) for name, text in descriptions.items())


def ordered(names: str, *groups: Sequence[Column]) -> tuple[Column, ...]:
    """Return columns in the order of their names.

    Args:
        names: Names of the columns, separated by spaces.
        groups: Columns to select from, in addition to :data:`SHARED`. If several groups have a
            column with the same name, the first one is selected.
    """
    by_name: dict[str, Column] = {}
    for group in (*groups, SHARED):
        for column in group:
            by_name.setdefault(column.name, column)
    return tuple(by_name[name] for name in names.split())


SHARED = (
    *columns(
        "text",
        dataset="name of the dataset",
        model="name of the model; the name of its folder for an imported model",
        protocol="suite, won2020, controls, or custom for chains",
        family="property that is changed, such as pitch_shift; clean for unperturbed audio",
        perturbation="perturbation of the family, such as pitch_up; the name of a chain; or clean",
        unit="unit of the level",
        metric="metric of the row",
    ),
    *columns(
        "integer",
        n_seeds="number of training seeds whose scores are averaged",
        severity="1 for the first level of the ladder, 0 for clean",
        n_tracks="test tracks",
        n_tags="number of tags in a mean over tags",
    ),
    *columns(
        "number",
        level="requested level, in unit; the severity for a chain",
        value="the score, statistic or measure",
        low="lower end of the 95 % interval",
        high="upper end of the 95 % interval",
        drop="score of the same model on clean audio minus this score",
        drop_low="lower end of the paired 95 % interval of the drop",
        drop_high="upper end of the paired 95 % interval of the drop",
    ),
)
"""Columns that have the same meaning in every table."""
