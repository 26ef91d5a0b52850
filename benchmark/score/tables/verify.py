"""Comparison of the CSV files on disk with tables recomputed from the stored predictions."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.store.tables import Tables, to_csv

Rows = dict[tuple[str, ...], dict[str, str]]


@dataclass(frozen=True)
class Difference:
    """A value of a CSV file that differs from the recomputed one.

    Attributes:
        file: Name of the CSV file.
        row: The row's key columns joined by spaces; empty for a difference of the whole file.
        column: Name of the column, or ``"row"``, ``"file"``, ``"columns"``, ``"order"``.
        stored: Value in the file.
        recomputed: Value computed from the stored predictions.
    """

    file: str
    row: str
    column: str
    stored: str
    recomputed: str


def verify_tables(directory: Path, tables: Tables) -> list[Difference]:
    """Compare every cell of the CSV files in ``directory`` with ``tables``.

    Args:
        directory: ``results/<dataset>``.
        tables: Recomputed tables, see :func:`benchmark.score.tables.build.build_tables`.

    Returns:
        All differences in the order of the files; empty if the files are equal to the tables. Text
        is compared, without a tolerance.
    """
    differences: list[Difference] = []
    keys = {schema.file: schema.keys for schema in tables.schemas.values()}
    for name, frame in tables.frames().items():
        path = directory / name
        if path.is_file():
            stored = path.read_bytes().decode(errors="replace")
            differences.extend(_compare(name, keys[name], stored, to_csv(frame)))
        else:
            differences.append(Difference(name, "", "file", "missing", f"{len(frame)} rows"))
    for name in sorted(keys.keys() - tables.frames().keys()):
        if (directory / name).is_file():
            differences.append(Difference(name, "", "file", "present", "missing"))
    return differences


def _compare(name: str, keys: Sequence[str], stored: str, recomputed: str) -> Iterator[Difference]:
    """Yield the differences between the stored and the recomputed text of one CSV file."""
    if stored == recomputed:
        return
    old_columns, old_keys, old = _parse(keys, stored)
    new_columns, new_keys, new = _parse(keys, recomputed)
    count = 0
    if old_columns != new_columns:
        count += 1
        yield Difference(name, "", "columns", ",".join(old_columns), ",".join(new_columns))
    for key in new_keys:
        if key not in old:
            count += 1
            yield Difference(name, " ".join(key), "row", "missing", "present")
            continue
        for column in new_columns:
            before, after = old[key].get(column, ""), new[key][column]
            if before != after:
                count += 1
                yield Difference(name, " ".join(key), column, before, after)
    for key in old_keys:
        if key not in new:
            count += 1
            yield Difference(name, " ".join(key), "row", "present", "missing")
    if not count:
        column = "order" if old_keys != new_keys else "file"
        yield Difference(name, "", column, "other bytes", "same values")


def _parse(names: Sequence[str], text: str) -> tuple[Sequence[str], list[tuple[str, ...]], Rows]:
    """Return the columns, the keys in order, and the rows by key; repeated keys are made unique."""
    reader = csv.DictReader(io.StringIO(text), restval="", restkey="surplus")
    keys: list[tuple[str, ...]] = []
    rows: Rows = {}
    for row in reader:
        key = tuple(row.get(column) or "" for column in names)
        while key in rows:
            key = (*key, "again")
        keys.append(key)
        rows[key] = {column: str(value) for column, value in row.items()}
    return reader.fieldnames or [], keys, rows
