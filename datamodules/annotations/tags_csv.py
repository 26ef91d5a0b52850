"""Reads ``tags.csv``, the table that a user writes, and says what is wrong with it."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from datamodules.audio.npy_waveform import RATE
from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.corpus.track import SPLITS

EXAMPLE = """path,tags,split,artist
one.mp3,guitar|slow,train,Ann
live/two.flac,piano,test,Ben"""
_NEEDED = ("path", "tags")
_OPTIONAL = ("split", "artist", "album")
_ALIASES = {"training": "train", "validation": "valid", "val": "valid", "testing": "test"}
_SHOWN = 5


@dataclass(frozen=True)
class Row:
    """One track of the table. ``path`` has forward slashes; tags are sorted.

    The fields after ``album`` exist in a JSONL manifest only, see
    `datamodules.annotations.manifest_jsonl`.
    """

    path: str
    tags: tuple[str, ...]
    split: str
    artist: str
    album: str
    song: str = ""
    track_id: str = ""
    rate: int = RATE
    extra: Mapping[str, str | int | float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the track is known by."""
        return self.track_id or self.path

    def described(self) -> list[object]:
        """Return what decides the data. What is not given leaves no trace."""
        more: dict[str, object] = {
            "song": self.song,
            "track_id": self.track_id,
            "extra": dict(self.extra),
        }
        if self.rate != RATE:
            more["rate"] = self.rate
        given = {key: value for key, value in more.items() if value}
        known: list[object] = [self.path, list(self.tags), self.split, self.artist, self.album]
        return [*known, given] if given else known


def read_table(table: Path, *, single: bool) -> tuple[Row, ...]:
    """Read and check a table.

    A byte order mark, spaces around names, quoted fields and Windows separators are fine.

    Args:
        table: The CSV file, UTF-8.
        single: Whether each row needs exactly one tag.

    Returns:
        The rows by path.

    Raises:
        TagbenchError: With the line and the remedy.
    """
    reader = csv.reader(io.StringIO(read_text(table), newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(header, table)
        rows: dict[str, tuple[int, Row]] = {}
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            where = f"{table}, line {reader.line_num}"
            if len(cells) > len(header):
                raise TagbenchError(
                    f"{where}: {len(cells)} fields, but the header names {len(header)}. "
                    "Put a field that contains a comma between double quotes."
                )
            row = _row(dict(zip(header, cells, strict=False)), where, single=single)
            if row.path in rows:
                raise TagbenchError(
                    f"{where}: {row.path!r} is there already, in line {rows[row.path][0]}. "
                    "Write one row for each file, with all its tags separated by |."
                )
            rows[row.path] = (reader.line_num, row)
    except csv.Error as error:
        raise TagbenchError(f"{table}, line {reader.line_num}: not CSV: {error}.") from None
    if not rows:
        raise TagbenchError(f"{table} has a header and no rows. Example:\n{EXAMPLE}")
    return checked((row for _, row in rows.values()), table, EXAMPLE)


def checked(rows: Iterable[Row], table: Path, example: str) -> tuple[Row, ...]:
    """Return rows by path, if they make sense together.

    Raises:
        TagbenchError: If there is no tag, or the splits are not whole.
    """
    found = sorted(rows, key=lambda row: row.path)
    if not any(row.tags for row in found):
        raise TagbenchError(f"{table}: no row has a tag. Example:\n{example}")
    _check_splits(found, table)
    return tuple(found)


def locate(table: Path, rows: Sequence[Row]) -> list[Path]:
    """Return the file of each row.

    Raises:
        TagbenchError: If any is missing, with their number and the first few.
    """
    found = [_find(table.parent, row.path) for row in rows]
    missing = [row.path for row, path in zip(rows, found, strict=True) if path is None]
    if missing:
        shown = ", ".join(missing[:_SHOWN]) + (" ..." if len(missing) > _SHOWN else "")
        raise TagbenchError(
            f"{len(missing)} of {len(rows)} files that {table} names are not there: {shown}. "
            f"Paths are relative to {table.parent}."
        )
    return [path for path in found if path is not None]


def _find(folder: Path, name: str) -> Path | None:
    # The same accent is one character or two, depending on the system that wrote the name.
    for form in (name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)):
        if (folder / form).is_file():
            return folder / form
    return None


def read_text(table: Path) -> str:
    """Return the text of a table.

    Raises:
        TagbenchError: If there is none, or it is not UTF-8.
    """
    try:
        return table.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if not table.parent.is_dir():
            raise TagbenchError(f"There is no directory {table.parent}.") from None
        raise TagbenchError(
            f"No table of tags: {table} does not exist. Write one beside your audio, with the "
            f"columns path,tags and if you like split,artist,album. Example:\n{EXAMPLE}"
        ) from None
    except UnicodeDecodeError as error:
        raise TagbenchError(
            f"{table} is not UTF-8 (byte {error.start}). Save it as UTF-8."
        ) from None
    except OSError as error:
        raise TagbenchError(f"{table} cannot be read: {error.strerror}.") from None


def _check_header(header: Sequence[str], table: Path) -> None:
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        hint = " Separate columns with commas." if any(";" in name for name in header) else ""
        raise TagbenchError(
            f"{table} has no column {' and no column '.join(missing)}; its header is "
            f"{','.join(header) or 'empty'}.{hint} Example:\n{EXAMPLE}"
        )
    for name in header:
        if header.count(name) > 1:
            raise TagbenchError(f"{table} has the column {name!r} more than once.")
        if name not in (*_NEEDED, *_OPTIONAL):
            raise unknown_name("column", name, (*_NEEDED, *_OPTIONAL), str(table))


def _row(cells: Mapping[str, str], where: str, *, single: bool) -> Row:
    return make_row(
        cells["path"],
        cells.get("tags", "").split("|"),
        cells.get("split", ""),
        where,
        single=single,
        artist=cells.get("artist", "").strip(),
        album=cells.get("album", "").strip(),
    )


def make_row(
    path: str, tags: Iterable[str], split: str, where: str, *, single: bool, **more: Any
) -> Row:
    """Check what a line says of a track.

    Args:
        path: Relative to the table.
        tags: In any order.
        split: Under any of its usual names; may be empty.
        where: The table and the line, for messages.
        single: Whether there must be exactly one tag.
        more: Other fields of `Row`.

    Raises:
        TagbenchError: With the remedy.
    """
    given, path = path, str(PurePosixPath(path.strip().replace("\\", "/")))
    if not given.strip():
        raise TagbenchError(f"{where}: the path is empty.")
    if path.startswith("/") or ".." in path.split("/") or path[1:2] == ":":
        raise TagbenchError(
            f"{where}: {path!r} leads out of the folder of the table. Use a path relative to it."
        )
    names = tuple(sorted({tag.strip() for tag in tags} - {""}))
    if single and len(names) != 1:
        raise TagbenchError(
            f"{where}: {path!r} has {len(names)} tags ({' | '.join(names) or 'none'}); with "
            "task=singlelabel each track needs exactly one. Use task=multilabel, or correct it."
        )
    split = split.strip().lower()
    split = _ALIASES.get(split, split)
    if split and split not in SPLITS:
        raise unknown_name("split", split, SPLITS, where)
    return Row(path, names, split, **more)


def _check_splits(rows: Sequence[Row], table: Path) -> None:
    """Check that either no row has a split, or all have and no split is empty."""
    paths = defaultdict(list)
    for row in rows:
        paths[row.split].append(row.path)
    if set(paths) == {""}:
        return
    if "" in paths:
        raise TagbenchError(
            f"{table}: {len(paths[''])} of {len(rows)} rows have no split, such as "
            f"{paths[''][0]!r}. Fill in the column, or empty it to have a split drawn."
        )
    empty = [split for split in SPLITS if split not in paths]
    if empty:
        raise TagbenchError(
            f"{table}: no row is in {' or '.join(empty)}. Each of train, valid and test needs "
            "tracks; remove the split column to have a split drawn."
        )
