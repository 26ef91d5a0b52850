"""Columns of a table: their names, types and meaning."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

DECIMALS = 6

Kind = Literal["text", "integer", "number", "boolean"]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Name in the header; ``<...>`` in it stands for any text, as in ``<family>_drop``.
        kind: Type of the values.
        description: Meaning of the values, in one line.
    """

    name: str
    kind: Kind
    description: str

    def matches(self, name: str) -> bool:
        """Return whether the column describes a header ``name``."""
        parts = re.split(r"<\w+>", self.name)
        return name == self.name or (
            len(parts) > 1 and re.fullmatch(".+".join(map(re.escape, parts)), name) is not None
        )


@dataclass(frozen=True)
class TableSchema:
    """Columns of a table and the file that holds it.

    Attributes:
        name: Name; the file is ``<name>.csv``.
        description: Content of a row.
        keys: Columns that identify a row.
        columns: Columns in the order of the file.
        on_demand: Columns that follow them in a table with such values.
    """

    name: str
    description: str
    keys: tuple[str, ...]
    columns: tuple[Column, ...]
    on_demand: tuple[Column, ...] = field(default=(), kw_only=True)

    @property
    def file(self) -> str:
        """Name of the CSV file."""
        return f"{self.name}.csv"

    @property
    def fixed(self) -> tuple[str, ...]:
        """Names of the columns that every such table has."""
        return tuple(column.name for column in self.columns if "<" not in column.name)

    def column(self, name: str) -> Column:
        """Return the column with a name; one with exactly that name is preferred to a pattern.

        Raises:
            KeyError: The table has no such column.
        """
        for column in sorted(
            (*self.columns, *self.on_demand), key=lambda column: column.name != name
        ):
            if column.matches(name):
                return column
        raise KeyError(
            f"{self.file} has no column {name!r}. Add it to the columns of the table, or leave "
            f"it out of the rows. Columns: {', '.join(column.name for column in self.columns)}."
        )


def tidy(
    rows: Sequence[Mapping[Any, Any]], schema: TableSchema, names: Iterable[str] | None = None
) -> pd.DataFrame:
    """Return rows as a frame with typed columns and rounded numbers.

    Args:
        rows: Values by name of the column; a missing or None value is blank.
        schema: Table that the rows belong to.
        names: Columns in order; by default those that every such table has.

    Raises:
        KeyError: A row or ``names`` has a column that the schema does not have.
    """
    keys = dict.fromkeys(str(key) for row in rows for key in row)
    listed = list(dict.fromkeys([*(schema.fixed if names is None else names), *keys]))
    columns = [schema.column(name) for name in listed]
    frame = pd.DataFrame(list(rows), columns=listed)
    for name, column in zip(listed, columns, strict=True):
        frame[name] = typed(frame[name], column.kind)
    return frame


def typed(values: pd.Series[Any], kind: Kind) -> pd.Series[Any]:
    """Return a column in the type of its kind."""
    if kind == "text":
        # A CSV file cannot distinguish empty text from a missing value; both are missing here.
        text = values.astype("string")
        return text.mask(text == "")
    if kind == "integer":
        return pd.to_numeric(values).round().astype("Int64")
    if kind == "boolean":
        text = values.astype("string").str.lower()  # pandas writes True
        return (text == "true").astype("boolean").mask(text.isna())
    # Adding zero turns -0.0 into 0.0, which would print with a sign.
    return values.astype("float64").round(DECIMALS) + 0.0
