"""Two result tables side by side: what changed, and whether by more than chance allows.

Tables are compared only where they measure the same thing: the same dataset and split, windows and
perturbation protocol, by the same series of versions. Both files hold six decimals, so that values
are the same or they differ; there is no tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pandas.api.types import is_numeric_dtype

from benchmark.score.tables.diff_inputs import BOARD, Side, folders_of, mixed, notes, read_side
from benchmark.score.tables.schema import all_tables
from datamodules.common.errors import TagbenchError

# Shown apart, or facts of the bootstrap and not of a model.
_APART = {"rank", "rank_low", "rank_high", "tie_group", "n_boot", "bootstrap_seed", "n_clusters"}

Names = tuple[tuple[str, str], ...]
"""``(what, name)``, such as ``("model", "fcn")``."""


@dataclass(frozen=True)
class Change:
    """A value that is not the same in both tables.

    Attributes:
        file: ``"leaderboard.csv"`` or ``"robustness.csv"``.
        row: The row's key columns joined by spaces.
        column: Column.
        old: Value of the first table; None for none.
        new: Value of the second.
        inside: Whether the new value lies within the interval of the old one; None without an
            interval. Both were measured on the same tracks, which that interval does not know: a
            change inside it may still be real.
    """

    file: str
    row: str
    column: str
    old: float | None
    new: float | None
    inside: bool | None

    @property
    def difference(self) -> float | None:
        """New minus old; None where either is missing."""
        return None if self.old is None or self.new is None else self.new - self.old


@dataclass(frozen=True)
class Comparison:
    """What differs between two tables.

    Attributes:
        title: Name of the dataset, where it is known.
        changes: Values that differ.
        removed: Models, rows and columns of the first alone.
        added: Those of the second alone.
        ranks: ``(model, old, new)`` where the rank changed; None for no rank.
        notes: What changes no number: other presets, facts that a file does not tell.
        forced: Differences that are refused unless forced.
        shared: Number of rows that both have.
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
        """Whether both say the same."""
        return not (self.changes or self.removed or self.added or self.ranks)


def compare(first: Path, second: Path, *, force: bool = False) -> list[Comparison]:
    """Compare two CSV files, two folders of a dataset, or two results folders.

    Args:
        first: The old one.
        second: The new one.
        force: Compare even what does not measure the same.

    Returns:
        One comparison a dataset, and one more where a dataset is in one folder alone.

    Raises:
        TagbenchError: Nothing to compare is there, the two are of different kinds, or they do not
            measure the same and ``force`` is not set.
    """
    old, new = folders_of(first), folders_of(second)
    if old is None or new is None:
        for folder, inside in ((first, old), (second, new)):
            if inside is not None:
                raise TagbenchError(
                    f"{folder} holds datasets ({', '.join(inside)}) and the other side is one "
                    f"table or dataset: name one in it, such as {folder / inside[0]}."
                )
        return [_compare(read_side(first), read_side(second), force)]
    both = [name for name in old if name in new]
    found = [_compare(read_side(first / n), read_side(second / n), force) for n in both]
    removed = tuple(("dataset", name) for name in old if name not in new)
    added = tuple(("dataset", name) for name in new if name not in old)
    if removed or added:
        found.append(Comparison("datasets", removed=removed, added=added))
    return found


def _compare(old: Side, new: Side, force: bool) -> Comparison:
    kinds = [name for name in old.frames if name in new.frames]
    if not kinds:
        raise TagbenchError(
            f"{old.path} is a {'/'.join(old.frames)} and {new.path} a {'/'.join(new.frames)}: "
            "compare tables of one kind."
        )
    unlike = mixed(old, new)
    if unlike and not force:
        raise TagbenchError(
            f"{old.path} and {new.path} do not measure the same: {'; '.join(unlike)}. "
            "Compare tables of one protocol, or add --force to see the numbers all the same."
        )
    changes: list[Change] = []
    removed: dict[tuple[str, str], None] = {}
    added: dict[tuple[str, str], None] = {}
    shared = 0
    for kind in kinds:
        before, after = _keyed(kind, old.frames[kind]), _keyed(kind, new.frames[kind])
        removed |= dict.fromkeys(_lone(kind, before, after))
        added |= dict.fromkeys(_lone(kind, after, before))
        changes += _changes(kind, before, after)
        shared += len(before.index.intersection(after.index))
    return Comparison(
        title=new.facts.get("dataset") or old.facts.get("dataset", ""),
        changes=tuple(changes),
        removed=tuple(removed),
        added=tuple(added),
        ranks=tuple(_ranks(old, new)),
        notes=tuple(notes(old, new)),
        forced=tuple(unlike),
        shared=shared,
    )


def _keys(file: str) -> tuple[str, ...]:
    """Return the key columns of a CSV file."""
    return all_tables()[file.removesuffix(".csv")].keys


def _keyed(kind: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose index is the text of its key columns."""
    keys = frame[list(_keys(kind))].astype("string").fillna("")
    return frame.set_index(keys.agg(" ".join, axis=1))


def _lone(kind: str, here: pd.DataFrame, there: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield what only ``here`` has: models, then rows of shared models, then columns."""
    models = [str(name) for name in here["model"].unique() if name not in set(there["model"])]
    yield from (("model", name) for name in models)
    rows = here.index[~here.index.isin(there.index) & ~here["model"].isin(models)]
    yield from (("row", f"{kind}: {name}") for name in rows)
    columns = [str(name) for name in here.columns if name not in there.columns]
    yield from (("column", f"{kind}: {name}") for name in columns)


def _changes(kind: str, before: pd.DataFrame, after: pd.DataFrame) -> Iterator[Change]:
    rows = [name for name in after.index if name in set(before.index)]
    before, after = before.loc[rows], after.loc[rows]
    skipped = {*_APART, *_keys(kind)}
    columns = [
        str(name)
        for name in after.columns
        if name in before.columns and name not in skipped and is_numeric_dtype(after[name])
    ]
    ends = {end for name in columns for end in _ends(name) if end in columns}
    for name in columns:
        if name in ends:
            continue
        group = [name, *(end for end in _ends(name) if end in columns)]
        old, new = before[group].astype("Float64"), after[group].astype("Float64")
        equal = ((old == new).fillna(False) | (old.isna() & new.isna())).all(axis=1)
        olds, news = old.to_numpy(float, na_value=math.nan), new.to_numpy(float, na_value=math.nan)
        for at in (~equal.to_numpy(bool)).nonzero()[0].tolist():
            values = [None if math.isnan(v) else v for v in olds[at].tolist()]
            found = None if math.isnan(news[at, 0]) else float(news[at, 0])
            yield Change(kind, rows[at], name, values[0], found, _inside(values[1:], found))


def _ends(column: str) -> tuple[str, str]:
    prefix = "" if column == "value" else f"{column}_"
    return f"{prefix}low", f"{prefix}high"


def _inside(ends: Sequence[float | None], value: float | None) -> bool | None:
    if len(ends) != 2 or value is None or ends[0] is None or ends[1] is None:
        return None
    return ends[0] <= value <= ends[1]


def _ranks(old: Side, new: Side) -> Iterator[tuple[str, int | None, int | None]]:
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
