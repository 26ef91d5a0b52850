"""Search for the table of a directory of audio, and reading of it in its format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from datamodules.annotations.manifest_jsonl import MANIFEST, read_jsonl
from datamodules.annotations.row import Row
from datamodules.annotations.table_text import (
    JSONL_SUFFIXES,
    OTHER_SUFFIXES,
    TEXT_SUFFIXES,
    check_format,
)
from datamodules.annotations.tags_csv import read_table
from datamodules.common.errors import TagbenchError

_TABLE = "tags.csv"


def find_table(place: Path) -> Path:
    """Return the path of a table of tags.

    Args:
        place: The table itself, or a directory with a table.

    Returns:
        ``place``, or the table in it; the path of ``tags.csv`` if the directory has no table.

    Raises:
        TagbenchError: If there are several tables, or only one in a format that cannot be read.
    """
    if not place.is_dir() and place.suffix.lower() in (*TEXT_SUFFIXES, *JSONL_SUFFIXES):
        return place
    if place.is_file():
        check_format(place)
        raise TagbenchError(
            f"{place} is neither a directory of audio nor a table of tags: expected a file "
            f"with the suffix {', '.join((*TEXT_SUFFIXES, *JSONL_SUFFIXES))}."
        )
    tables = _tables(place, (Path(_TABLE).stem,), TEXT_SUFFIXES)
    manifests = _tables(place, (Path(MANIFEST).stem,), JSONL_SUFFIXES)
    if len(tables) + len(manifests) > 1:
        names = " and ".join(path.name for path in (*tables, *manifests))
        count = "both " if len(tables) + len(manifests) == 2 else ""
        raise TagbenchError(
            f"{place} holds {count}{names}. Name one of them: --data {(*manifests, *tables)[0]}"
        )
    for table in (*tables, *manifests):
        return table
    for other in _tables(place, (Path(_TABLE).stem, Path(MANIFEST).stem), OTHER_SUFFIXES):
        check_format(other)
    return place / _TABLE


def read_rows(table: Path, *, single: bool) -> tuple[Row, ...]:
    """Read a table in the format that its suffix states.

    Args:
        table: The table.
        single: Whether each track needs exactly one tag.

    Returns:
        The rows by path.

    Raises:
        TagbenchError: If the table is not valid; the message states line and remedy.
    """
    read = read_jsonl if table.suffix.lower() in JSONL_SUFFIXES else read_table
    return read(table, single=single)


def _tables(folder: Path, stems: Sequence[str], suffixes: Sequence[str]) -> list[Path]:
    """Return the files of a folder with one of some names, in any letter case, sorted."""
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.stem.lower() in stems and path.suffix.lower() in suffixes and path.is_file()
    )
