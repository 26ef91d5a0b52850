"""Tables to compare, and the facts that decide whether they are comparable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmark.score.tables.schema import all_tables
from benchmark.store.files import read_json
from benchmark.store.provenance import compatible_version
from benchmark.store.run_record import RECORD
from benchmark.store.tables import read_table, read_text_table
from datamodules.common.errors import TagbenchError

BOARD, SCORES = "leaderboard.csv", "robustness.csv"

IDENTITY = {
    "dataset": "dataset",
    "manifest_digest": "prepared audio",
    "split_digest": "split",
    "windows": "windows",
    "tag_set": "compared tags",
    "protocol": "perturbation protocol",
    "version": "series of tagbench versions",
}
"""Facts that must be equal for two tables to be comparable, with their printed names."""


_SCORE_COLUMNS = {BOARD: "rank", SCORES: "value"}
"""Column that each table must have beside its key columns, by the name of the file."""


@dataclass(frozen=True)
class ResultTables:
    """One of the two sets of tables being compared.

    Attributes:
        path: CSV file or folder that was read.
        frames: Tables by the name of their file.
        facts: Values of ``IDENTITY``; a fact that the files do not state is absent.
        preset: Names of the presets, joined by a plus sign.
        samples: Digest of the decoded samples, from the run record beside the table.
    """

    path: Path
    frames: Mapping[str, pd.DataFrame]
    facts: Mapping[str, str]
    preset: str = ""
    samples: str = ""


def datasets_in(path: Path) -> list[str] | None:
    """Return the datasets of a results folder; None for a file or the folder of a dataset.

    Raises:
        TagbenchError: ``path`` is a folder without tables.
    """
    if path.is_file() or (path / BOARD).is_file() or (path / SCORES).is_file():
        return None
    names = sorted(file.parent.name for file in path.glob(f"*/{BOARD}"))
    if not names:
        raise TagbenchError(
            f"There is no {BOARD} in {path} or in a folder of it. Name a CSV file, the folder of a "
            "dataset or a results folder; `tagbench leaderboard` writes the tables of a sweep."
        )
    return names


def read_result_tables(path: Path) -> ResultTables:
    """Read a CSV file or both tables of a dataset's folder, with the facts they state.

    Raises:
        TagbenchError: A file is missing or damaged, or is not one of the two tables.
    """
    files = [path / name for name in (BOARD, SCORES)] if path.is_dir() else [path]
    frames = {}
    for file in files:
        if path.is_file() or file.is_file():
            name = _table_file(file)
            frames[name] = _read(file, name)
    sources = dict(frames)
    for name in (BOARD, SCORES):  # the other table states further facts
        sibling = path.parent / name
        if path.is_file() and path.name in (BOARD, SCORES) and sibling.is_file():
            sources.setdefault(name, _read(sibling, name))
    preset = _values(sources.get(BOARD), "preset")
    return ResultTables(path, frames, _facts(sources), preset, _samples(path))


def _samples(path: Path) -> str:
    """Return the digest of the decoded samples; empty if no run record states one.

    The record is not required to have the format of this version, so that results of different
    versions can be compared.
    """
    record = (path if path.is_dir() else path.parent) / RECORD
    if not record.is_file():
        return ""
    return str(read_json(record).get("info", {}).get("samples_digest") or "")


def _read(path: Path, name: str) -> pd.DataFrame:
    """Read a CSV file with the column types of the table in file ``name``."""
    return read_table(path, all_tables()[name.removesuffix(".csv")])


def _table_file(path: Path) -> str:
    """Return the name of the table in a CSV file, by the file's name or by its columns."""
    columns = set(read_text_table(path).columns)
    for name in [path.name] if path.name in _SCORE_COLUMNS else _SCORE_COLUMNS:
        if {*all_tables()[name.removesuffix(".csv")].keys, _SCORE_COLUMNS[name]} <= columns:
            return name
    raise TagbenchError(
        f"{path} is neither a {BOARD} nor a {SCORES}. Its columns are {', '.join(sorted(columns))}."
    )


def _facts(frames: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Return the facts of ``IDENTITY`` that the tables state."""
    board, scores = frames.get(BOARD), frames.get(SCORES)
    facts = {name: _values(board, name) for name in IDENTITY if name != "dataset"}
    facts["dataset"] = _values(scores, "dataset")
    facts["version"] = "+".join(
        sorted({compatible_version(v) for v in facts["version"].split("+") if v})
    )
    if board is not None:
        facts["tag_set"] = facts["tag_set"] or "all of the corpus"
    facts["protocol"] = facts["protocol"] or _values(scores, "protocol")
    return {name: value for name, value in facts.items() if value}


def _values(frame: pd.DataFrame | None, column: str) -> str:
    """Return the distinct values of a column, joined by a plus sign."""
    if frame is None or column not in frame.columns:
        return ""
    return "+".join(sorted({item for v in frame[column].dropna() for item in str(v).split("+")}))


def incompatibilities(old: ResultTables, new: ResultTables) -> list[str]:
    """Return the facts of ``IDENTITY`` that differ, as text with both values."""
    return [
        f"{title} {old.facts[name]!r} against {new.facts[name]!r}"
        for name, title in IDENTITY.items()
        if name in old.facts and name in new.facts and old.facts[name] != new.facts[name]
    ]


def notes(old: ResultTables, new: ResultTables) -> Iterator[str]:
    """Yield differences that do not prevent a comparison, and facts that could not be checked."""
    if old.preset and new.preset and old.preset != new.preset:
        yield f"preset {old.preset!r} against {new.preset!r}: the models were trained differently"
    if old.samples and new.samples and old.samples != new.samples:
        yield f"decoded samples differ: {old.samples[:12]} against {new.samples[:12]}"
    for tables in (old, new):
        missing = [title for name, title in IDENTITY.items() if name not in tables.facts]
        if missing:
            yield f"{tables.path} does not state its {', '.join(missing)}: not checked"
