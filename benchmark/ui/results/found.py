"""Datasets with results in a folder, and their tables and records, read again when they change."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.report.labels import records
from benchmark.store import run_record
from benchmark.store.run_record import RECORD, RunRecord
from benchmark.store.store import Store
from benchmark.store.tables import INDEX, Tables, read_tables
from datamodules.common.errors import TagbenchError, unknown_name

_OTHER_FOLDERS = ("cells", "logs", "plans", "wandb")


def find_datasets(results: Path) -> dict[str, Path]:
    """Return the folders of datasets with results by their path below a results folder.

    A dataset is found in the results folder itself, as ``synth``, and in results folders inside of
    it, as ``first_try/synth``.

    Args:
        results: Results folder, or a folder of such folders.
    """
    found = {}
    for folder in (results, *_folders(results)):
        for path in _folders(folder):
            if (path / INDEX).is_file() or (path / RECORD).is_file():
                found[path.relative_to(results).as_posix()] = path
    return dict(sorted(found.items(), key=lambda item: ("/" in item[0], item[0])))


def _folders(folder: Path) -> list[Path]:
    try:
        return [
            path
            for path in folder.iterdir()
            if path.name not in _OTHER_FOLDERS and not path.name.startswith(".") and path.is_dir()
        ]
    except OSError:  # removed, or not readable
        return []


def dataset_folder(results: Path, name: str) -> Path:
    """Return the folder of a dataset that `find_datasets` lists.

    Raises:
        TagbenchError: There is no such dataset.
    """
    found = find_datasets(results)
    if not found:
        raise TagbenchError(
            f"There are no results in {results}. Run a benchmark first: tagbench run"
        )
    if name not in found:
        raise unknown_name("dataset", name, found, str(results))
    return found[name]


def tables_of(folder: Path) -> Tables:
    """Return the tables of a dataset's folder.

    Raises:
        TagbenchError: There are none, or a file is damaged.
    """
    return _tables(folder, stamp(folder / INDEX))


@lru_cache(maxsize=16)
def _tables(folder: Path, changed: Hashable) -> Tables:
    del changed
    return read_tables(folder)


def record_of(folder: Path) -> RunRecord:
    """Return the record of the runs on a dataset.

    Raises:
        TagbenchError: There is none, or another version wrote it.
    """
    return _record(folder, stamp(folder / RECORD))


@lru_cache(maxsize=16)
def _record(folder: Path, changed: Hashable) -> RunRecord:
    del changed
    return run_record.load(folder.name, Store(folder.parent))


def stamp(path: Path) -> tuple[int, int] | None:
    """Return what changes when a file is replaced; None where there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def plain(value: Any) -> Any:
    """Return a value of a table as JSON has it: None where it is missing or not finite."""
    if value is None or value is pd.NA:
        return None
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as JSON has them."""
    return [plain_values(row) for row in records(frame)]


def plain_values(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a row as JSON has them."""
    return {name: plain(value) for name, value in row.items()}
