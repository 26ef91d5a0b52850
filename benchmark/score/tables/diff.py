"""Differences of two sets of result tables.

Tables are compared only if they agree in dataset, split, windows, perturbation protocol and series
of versions. The files hold six decimals, and values are compared without a tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pandas.api.types import is_numeric_dtype

from benchmark.score.tables.diff_inputs import (
    BOARD,
    ResultTables,
    datasets_in,
    incompatibilities,
    notes,
    read_result_tables,
)
from benchmark.score.tables.schema import all_tables
from datamodules.common.errors import TagbenchError

# Ranks are listed on their own; the other columns describe the bootstrap and not a model.
_NOT_COMPARED = {
    "rank",
    "rank_low",
    "rank_high",
    "tie_group",
    "n_boot",
    "bootstrap_seed",
    "n_clusters",
}

Names = tuple[tuple[str, str], ...]
"""``(what, name)``, such as ``("model", "fcn")``."""


@dataclass(frozen=True)
class Change:
    """A value that differs between the two tables.

    Attributes:
        file: ``"leaderboard.csv"`` or ``"robustness.csv"``.
        row: The row's key columns joined by spaces.
        column: Name of the column.
        old: Value in the first table; None if it is missing.
        new: Value in the second table; None if it is missing.
        inside: Whether the new value lies within the interval of the old one; None without an
            interval. The interval does not account for both values being measured on the same
            tracks, so that a change inside it may still be significant.
    """

    file: str
    row: str
    column: str
    old: float | None
    new: float | None
    inside: bool | None

    @property
    def difference(self) -> float | None:
        """``new`` minus ``old``; None if either is missing."""
        return None if self.old is None or self.new is None else self.new - self.old


@dataclass(frozen=True)
class TableDiff:
    """Differences of two sets of tables of one dataset.

    Attributes:
        title: Name of the dataset; empty if the files do not state it.
        changes: Values that differ.
        removed: Models, rows and columns of the first set only.
        added: Models, rows and columns of the second set only.
        ranks: ``(model, old, new)`` of models whose rank changed; None for no rank.
        notes: Remarks, such as different presets or facts that could not be checked.
        forced: Incompatibilities that were ignored because of ``force``.
        shared: Number of rows present in both sets.
    """

    title: str
    changes: tuple[Change, ...] = ()
    removed: Names = ()
    added: Names = ()
    ranks: tuple[tuple[str, int | None, int | None], ...] = ()
    notes: tuple[str, ...] = ()
    forced: tuple[str, ...] = ()
    shared: int = 0

    @property
    def same(self) -> bool:
        """Whether no value, row, column or rank differs."""
        return not (self.changes or self.removed or self.added or self.ranks)


def compare(first: Path, second: Path, *, force: bool = False) -> list[TableDiff]:
    """Compare two CSV files, two folders of a dataset, or two results folders.

    Args:
        first: Path of the old tables.
        second: Path of the new tables.
        force: Whether to compare tables that are not comparable.

    Returns:
        One entry per dataset, and one more if a dataset is in one of the folders only.

    Raises:
        TagbenchError: No tables were found, the two paths hold different tables, or the tables
            are not comparable and ``force`` is not set.
    """
    old, new = datasets_in(first), datasets_in(second)
    if old is None or new is None:
        for folder, inside in ((first, old), (second, new)):
            if inside is not None:
                raise TagbenchError(
                    f"{folder} holds datasets ({', '.join(inside)}), and the other path is one "
                    f"table or dataset. Name one dataset in it, such as {folder / inside[0]}."
                )
        return [_compare(read_result_tables(first), read_result_tables(second), force)]
    diffs = [
        _compare(read_result_tables(first / name), read_result_tables(second / name), force)
        for name in old
        if name in new
    ]
    removed = tuple(("dataset", name) for name in old if name not in new)
    added = tuple(("dataset", name) for name in new if name not in old)
    if removed or added:
        diffs.append(TableDiff("datasets", removed=removed, added=added))
    return diffs


def _compare(old: ResultTables, new: ResultTables, force: bool) -> TableDiff:
    files = [name for name in old.frames if name in new.frames]
    if not files:
        raise TagbenchError(
            f"{old.path} is a {'/'.join(old.frames)} and {new.path} a {'/'.join(new.frames)}. "
            "Name two files of the same table."
        )
    differing = incompatibilities(old, new)
    if differing and not force:
        raise TagbenchError(
            f"{old.path} and {new.path} are not comparable: {'; '.join(differing)}. "
            "Compare tables that agree in these facts, or add --force to compare them anyway."
        )
    changes: list[Change] = []
    removed: dict[tuple[str, str], None] = {}
    added: dict[tuple[str, str], None] = {}
    shared = 0
    for file in files:
        before, after = _keyed(file, old.frames[file]), _keyed(file, new.frames[file])
        removed |= dict.fromkeys(_only_in_first(file, before, after))
        added |= dict.fromkeys(_only_in_first(file, after, before))
        changes += _changes(file, before, after)
        shared += len(before.index.intersection(after.index))
    return TableDiff(
        title=new.facts.get("dataset") or old.facts.get("dataset", ""),
        changes=tuple(changes),
        removed=tuple(removed),
        added=tuple(added),
        ranks=tuple(_ranks(old, new)),
        notes=tuple(notes(old, new)),
        forced=tuple(differing),
        shared=shared,
    )


def _keys(file: str) -> tuple[str, ...]:
    """Return the key columns of a CSV file."""
    return all_tables()[file.removesuffix(".csv")].keys


def _keyed(file: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose index is the text of its key columns."""
    keys = frame[list(_keys(file))].astype("string").fillna("")
    return frame.set_index(keys.agg(" ".join, axis=1))


def _only_in_first(
    file: str, first: pd.DataFrame, second: pd.DataFrame
) -> Iterator[tuple[str, str]]:
    """Yield the models, the rows of shared models and the columns of the first table only."""
    models = [str(name) for name in first["model"].unique() if name not in set(second["model"])]
    yield from (("model", name) for name in models)
    rows = first.index[~first.index.isin(second.index) & ~first["model"].isin(models)]
    yield from (("row", f"{file}: {name}") for name in rows)
    columns = [str(name) for name in first.columns if name not in second.columns]
    yield from (("column", f"{file}: {name}") for name in columns)


def _changes(file: str, before: pd.DataFrame, after: pd.DataFrame) -> Iterator[Change]:
    rows = [name for name in after.index if name in set(before.index)]
    before, after = before.loc[rows], after.loc[rows]
    skipped = {*_NOT_COMPARED, *_keys(file)}
    columns = [
        str(name)
        for name in after.columns
        if name in before.columns and name not in skipped and is_numeric_dtype(after[name])
    ]
    ends = {end for name in columns for end in _interval_columns(name) if end in columns}
    for name in columns:
        if name in ends:
            continue
        group = [name, *(end for end in _interval_columns(name) if end in columns)]
        old, new = before[group].astype("Float64"), after[group].astype("Float64")
        equal = ((old == new).fillna(False) | (old.isna() & new.isna())).all(axis=1)
        olds, news = old.to_numpy(float, na_value=math.nan), new.to_numpy(float, na_value=math.nan)
        for at in (~equal.to_numpy(bool)).nonzero()[0].tolist():
            values = [None if math.isnan(v) else v for v in olds[at].tolist()]
            new_value = None if math.isnan(news[at, 0]) else float(news[at, 0])
            inside = _is_inside(values[1:], new_value)
            yield Change(file, rows[at], name, values[0], new_value, inside)


def _interval_columns(column: str) -> tuple[str, str]:
    prefix = "" if column == "value" else f"{column}_"
    return f"{prefix}low", f"{prefix}high"


def _is_inside(ends: Sequence[float | None], value: float | None) -> bool | None:
    if len(ends) != 2 or value is None or ends[0] is None or ends[1] is None:
        return None
    return ends[0] <= value <= ends[1]


def _ranks(old: ResultTables, new: ResultTables) -> Iterator[tuple[str, int | None, int | None]]:
    if BOARD not in old.frames or BOARD not in new.frames:
        return
    before, after = (
        {
            str(model): None if pd.isna(rank) else int(rank)
            for model, rank in zip(frame["model"], frame["rank"], strict=True)
        }
        for frame in (old.frames[BOARD], new.frames[BOARD])
    )
    for model, rank in after.items():
        if model in before and before[model] != rank:
            yield model, before[model], rank
