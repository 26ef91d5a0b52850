"""Tables of a dataset: their columns, and how they are written to CSV files and read back.

Numbers are rounded to six decimals when a table is built, so that frames in memory, files, and
frames read back hold the same values, and writing twice gives the same bytes. ``tables.json``
beside the files states the type of every column, so that a reader needs no other knowledge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.perturbations import SUITE, protocol_order
from benchmark.store.files import file_sha256, read_json, write_json, write_text
from benchmark.store.schema import DECIMALS, Column, TableSchema, tidy, typed
from datamodules.common.errors import TagbenchError

INDEX = "tables.json"
FORMAT = 1


@dataclass(frozen=True)
class FamilyColumns:
    """Columns of the leaderboard about one family of perturbations.

    Attributes:
        protocol: Protocol of the perturbations.
        family: Name of the family.
        drop: Column with the mean drop over its conditions.
    """

    protocol: str
    family: str
    drop: str


@dataclass(frozen=True)
class Tables:
    """The tables of one dataset; a frame is an attribute, as in ``tables.leaderboard``.

    Attributes:
        dataset: Label of the dataset.
        task: ``"multilabel"`` or ``"singlelabel"``.
        schemas: Tables by name, in the order in which they are listed.
        content: One frame per schema, by name; a table without content has no rows.
        optional: Names of tables that are written only if they have rows.
    """

    dataset: str
    task: str
    schemas: Mapping[str, TableSchema]
    content: Mapping[str, pd.DataFrame]
    optional: frozenset[str] = frozenset()

    def __getattr__(self, name: str) -> pd.DataFrame:
        content = self.__dict__.get("content", {})
        if name not in content:
            raise AttributeError(f"There is no table {name!r}. Tables: {', '.join(content)}.")
        frame: pd.DataFrame = content[name]
        return frame

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self.content[name]

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the frames that are written, by the name of their CSV file."""
        return {
            self.schemas[name].file: frame
            for name, frame in self.content.items()
            if len(frame) or name not in self.optional
        }

    def with_frames(self, **frames: pd.DataFrame) -> Tables:
        """Return the tables with some frames replaced."""
        return replace(self, content={**self.content, **frames})

    @property
    def families(self) -> tuple[FamilyColumns, ...]:
        """Perturbation families of the leaderboard in the order of its columns."""
        rows = self.content["robustness"]
        rows = rows[rows["severity"] > 0]
        pairs = {(str(p), str(f)) for p, f in zip(rows["protocol"], rows["family"], strict=True)}
        columns = []
        for protocol, family in sorted(pairs, key=lambda pair: (*protocol_order(pair[0]), pair[1])):
            label = family if protocol == SUITE else f"{protocol}_{family}"
            if f"{label}_drop" in self.content["leaderboard"].columns:
                columns.append(FamilyColumns(protocol, family, f"{label}_drop"))
        return tuple(columns)


def to_csv(frame: pd.DataFrame) -> str:
    """Return the text of the CSV file: six decimals, Unix line ends, blank for a missing value."""
    text = frame.to_csv(index=False, float_format=f"%.{DECIMALS}f", lineterminator="\n")
    return str(text)


def write_tables(tables: Tables, directory: Path, inputs: str = "") -> None:
    """Write the CSV files and ``tables.json`` into ``directory``, each atomically.

    A file of an earlier run whose table is not written now is removed.

    Args:
        tables: Tables of one dataset.
        directory: ``results/<dataset>``.
        inputs: Digest of the data that the tables were computed from, see :func:`are_current`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    frames = tables.frames()
    for file, frame in frames.items():
        write_text(directory / file, to_csv(frame))
    earlier = _read_index(directory).get("tables", {})
    for file in {schema.file for schema in tables.schemas.values()} | {f"{n}.csv" for n in earlier}:
        if file not in frames:
            (directory / file).unlink(missing_ok=True)
    document = {
        "format": FORMAT,
        "dataset": tables.dataset,
        "task": tables.task,
        "inputs": inputs,
        "tables": {
            name: {
                "description": schema.description,
                "keys": list(schema.keys),
                "columns": [
                    {**asdict(schema.column(str(column))), "name": str(column)}
                    for column in tables.content[name].columns
                ],
                "optional": name in tables.optional,
                "sha256": file_sha256(directory / schema.file) if schema.file in frames else None,
            }
            for name, schema in tables.schemas.items()
        },
        "order": list(tables.schemas),
    }
    write_json(directory / INDEX, document)


def _read_index(directory: Path) -> dict[str, Any]:
    """Return ``tables.json``; empty if it is missing or has another format."""
    try:
        document = read_json(directory / INDEX)
    except TagbenchError:
        return {}
    current = isinstance(document, dict) and document.get("format") == FORMAT
    return document if current else {}


def are_current(directory: Path, inputs: str) -> bool:
    """Return whether the tables in a folder were computed from ``inputs`` and are unchanged."""
    index = _read_index(directory)
    if not inputs or index.get("inputs") != inputs:
        return False
    for name, table in index["tables"].items():
        path = directory / f"{name}.csv"
        if path.is_file() != (table["sha256"] is not None):
            return False
        if path.is_file() and file_sha256(path) != table["sha256"]:
            return False
    return True


def read_tables(directory: Path) -> Tables:
    """Read the tables of a dataset.

    Args:
        directory: ``results/<dataset>``.

    Raises:
        TagbenchError: A file is missing or damaged.
    """
    index = _read_index(directory)
    if not index:
        raise TagbenchError(
            f"There is no {INDEX} of this version in {directory}. Run `tagbench run` first, or "
            "name another folder; `tagbench leaderboard` writes all tables again."
        )
    schemas, content = {}, {}
    for name in index["order"]:
        table = index["tables"][name]
        columns = tuple(Column(**column) for column in table["columns"])
        schema = TableSchema(name, table["description"], tuple(table["keys"]), columns)
        schemas[name] = schema
        content[name] = (
            tidy([], schema, schema.fixed)
            if table["sha256"] is None
            else read_table(directory / schema.file, schema)
        )
    optional = frozenset(name for name in schemas if index["tables"][name]["optional"])
    return Tables(index["dataset"], index["task"], schemas, content, optional)


def read_table(path: Path, schema: TableSchema) -> pd.DataFrame:
    """Read a CSV file with the types of its schema; a column without a schema is text.

    Raises:
        TagbenchError: The file is missing, or a value does not have the type of its column.
    """
    frame = read_text_table(path)
    for name in map(str, frame.columns):
        try:
            frame[name] = typed(frame[name], schema.column(name).kind)
        except KeyError:
            frame[name] = typed(frame[name], "text")
        except (ValueError, TypeError) as error:
            raise TagbenchError(f"{path}, column {name!r}: {error}.") from error
    return frame


def read_text_table(path: Path) -> pd.DataFrame:
    """Read a CSV file with every value as text.

    Raises:
        TagbenchError: The file is missing.
    """
    if not path.is_file():
        raise TagbenchError(
            f"No {path.name} in {path.parent}. Run `tagbench run` first, or name another "
            "folder; `tagbench leaderboard` writes all tables again."
        )
    return pd.read_csv(path, dtype="string", keep_default_na=False, na_values=[""])
