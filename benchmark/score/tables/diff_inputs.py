"""What a result table measures: read from the table itself, or from what lies beside it."""

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
    "protocol": "perturbation protocol",
    "version": "series of tagbench versions",
}
"""Facts that two tables must share, and what people call them."""


@dataclass(frozen=True)
class Side:
    """One of the two.

    Attributes:
        path: Where it lies.
        frames: Tables by the name of their file.
        facts: Values of ``IDENTITY`` as far as they are known.
        preset: Names of its presets.
        samples: Digest of the decoded samples, from the run record beside the table.
    """

    path: Path
    frames: Mapping[str, pd.DataFrame]
    facts: Mapping[str, str]
    preset: str = ""
    samples: str = ""


def folders_of(path: Path) -> list[str] | None:
    """Return the datasets of a results folder; None for a file or the folder of a dataset."""
    if path.is_file() or (path / BOARD).is_file() or (path / SCORES).is_file():
        return None
    found = sorted(file.parent.name for file in path.glob(f"*/{BOARD}"))
    if not found:
        raise TagbenchError(
            f"There is no {BOARD} in {path} or in a folder of it. Name a CSV file, the folder of a "
            "dataset or a results folder; `tagbench leaderboard` writes the tables of a sweep."
        )
    return found


def read_side(path: Path) -> Side:
    """Read a CSV file or both tables of a dataset's folder, and what they were made of."""
    files = [path / name for name in (BOARD, SCORES)] if path.is_dir() else [path]
    frames = {}
    for file in files:
        if path.is_file() or file.is_file():
            kind = _kind(read_text_table(file), file)
            frames[kind] = _read(file, kind)
    known = dict(frames)
    for name in (BOARD, SCORES):  # what lies beside a file knows facts that it does not
        beside = path.parent / name
        if path.is_file() and path.name in (BOARD, SCORES) and beside.is_file():
            known.setdefault(name, _read(beside, name))
    preset = _values(known.get(BOARD), "preset")
    return Side(path, frames, _facts(known), preset, _samples(path))


def _samples(path: Path) -> str:
    """Return the digest of the decoded samples; empty where no run record states one."""
    record = (path if path.is_dir() else path.parent) / RECORD
    if not record.is_file():
        return ""
    return str(read_json(record).get("info", {}).get("samples_digest") or "")


def _read(path: Path, kind: str) -> pd.DataFrame:
    """Read a CSV file in the types of its table."""
    return read_table(path, all_tables()[kind.removesuffix(".csv")])


def _kind(frame: pd.DataFrame, path: Path) -> str:
    columns = set(frame.columns)
    if {"rank", "model"} <= columns:
        return BOARD
    if {*all_tables()["robustness"].keys, "value"} <= columns:
        return SCORES
    raise TagbenchError(
        f"{path} is neither a {BOARD} nor a {SCORES}: its columns are {', '.join(frame.columns)}."
    )


def _facts(frames: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    board, scores = frames.get(BOARD), frames.get(SCORES)
    facts = {name: _values(board, name) for name in IDENTITY if name != "dataset"}
    facts["dataset"] = _values(scores, "dataset")
    facts["version"] = "+".join(
        sorted({compatible_version(v) for v in facts["version"].split("+") if v})
    )
    facts["protocol"] = facts["protocol"] or _values(scores, "protocol")
    return {name: value for name, value in facts.items() if value}


def _values(frame: pd.DataFrame | None, column: str) -> str:
    """Return the values of a column that says where rows come from, joined by a plus sign."""
    if frame is None or column not in frame.columns:
        return ""
    return "+".join(sorted({part for v in frame[column].dropna() for part in str(v).split("+")}))


def mixed(old: Side, new: Side) -> list[str]:
    """Return what the two do not share though they must, in words, with both values."""
    return [
        f"{title} {old.facts[name]!r} against {new.facts[name]!r}"
        for name, title in IDENTITY.items()
        if name in old.facts and name in new.facts and old.facts[name] != new.facts[name]
    ]


def notes(old: Side, new: Side) -> Iterator[str]:
    """Yield what a reader of the comparison should know and no number tells."""
    if old.preset and new.preset and old.preset != new.preset:
        yield f"preset {old.preset!r} against {new.preset!r}: the models were trained differently"
    if old.samples and new.samples and old.samples != new.samples:
        yield f"decoded samples differ: {old.samples[:12]} against {new.samples[:12]}"
    for side in (old, new):
        unknown = [title for name, title in IDENTITY.items() if name not in side.facts]
        if unknown:
            yield f"{side.path} does not tell its {', '.join(unknown)}: not checked"
