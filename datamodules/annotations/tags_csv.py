"""Reader of ``tags.csv``, the table of tags that a user writes."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from datamodules.annotations.names import clean
from datamodules.annotations.row import Row, check_rows, make_row
from datamodules.annotations.table_text import read_text
from datamodules.annotations.tag_notation import Cell, split_tags
from datamodules.common.errors import TagbenchError, unknown_name

EXAMPLE = """path,tags,split,artist
one.mp3,guitar|slow,train,Ann
live/two.flac,piano,test,Ben"""
_NEEDED = ("path", "tags")
_OPTIONAL = ("split", "artist", "album")
_DELIMITERS = (",", "\t", ";")
# Names that pandas gives to the column of an index without a name.
_UNNAMED = re.compile(r"unnamed: \d+")

_Line = tuple[int, dict[str, str]]


def read_table(table: Path, *, single: bool) -> tuple[Row, ...]:
    """Read and check a table.

    The text may be in UTF-8 or UTF-16, with or without a byte order mark, with any line ends;
    columns may be separated by commas, tabs or semicolons. A column without a name is ignored if
    it is empty or numbers the rows, as pandas writes it. Empty lines and repetitions of a line are
    ignored, too. Tags are separated by ``|``; for other notations see
    `datamodules.annotations.tag_notation`.

    Args:
        table: The file.
        single: Whether each row needs exactly one tag.

    Returns:
        The rows by path.

    Raises:
        TagbenchError: If the table is not valid; the message states line and remedy.
    """
    lines = list(_lines(table))
    if not lines:
        raise TagbenchError(f"{table} has a header and no rows. Example:\n{EXAMPLE}")
    cells = [Cell(fields.get("tags", ""), f"{table}, line {line}") for line, fields in lines]
    rows: dict[str, tuple[int, Row]] = {}
    for (line, fields), tags in zip(lines, split_tags(cells, single=single), strict=True):
        row = make_row(
            fields["path"],
            tags,
            fields.get("split", ""),
            table,
            line,
            single=single,
            artist=fields.get("artist", ""),
            album=fields.get("album", ""),
        )
        first_line, first_row = rows.setdefault(row.path, (line, row))
        if first_row != row:
            raise TagbenchError(
                f"{table}, line {line}: {row.path!r} is already given in line {first_line}. "
                "Write one row for each file, with all its tags separated by |."
            )
    return check_rows((row for _, row in rows.values()), table, EXAMPLE)


def _lines(table: Path) -> Iterator[_Line]:
    """Yield the number and the named cells of each line that is not empty."""
    text = read_text(table, EXAMPLE)
    delimiter, skipped = _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for _ in range(skipped):
            next(reader)
        first = next((cells for cells in reader if any(cell.strip() for cell in cells)), [])
        header = [clean(name).lower() for name in first]
        names = _check_header(header, table)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
                raise TagbenchError(
                    f"{table}, line {reader.line_num}: {len(cells)} fields, but the header names "
                    f"{len(header)}. Separate tags with |, and put a field that contains "
                    f"{'a comma' if delimiter == ',' else repr(delimiter)} between double quotes."
                )
            _check_unnamed(cells, header, f"{table}, line {reader.line_num}")
            fields = dict(zip(header, cells, strict=False))
            yield reader.line_num, {name: fields[name] for name in names if name in fields}
    except csv.Error as error:
        raise TagbenchError(f"{table}, line {reader.line_num}: not CSV: {error}.") from None


def _delimiter(text: str) -> tuple[str, int]:
    """Return the character between columns, and the number of lines before the header."""
    first = text.lstrip("\r\n").split("\n", 1)[0].strip("\r")
    # Excel may write the separator in a line before the header.
    if declared := re.fullmatch(r"sep=(.)", first.strip('"'), re.IGNORECASE):
        return declared[1], 1
    names = {mark: {clean(name).strip('"').lower() for name in first.split(mark)}
             for mark in _DELIMITERS}  # fmt: skip
    counts: Mapping[str, int] = {mark: len(names[mark] & set(_NEEDED)) for mark in _DELIMITERS}
    return max(_DELIMITERS, key=lambda mark: counts[mark]), 0


def _check_header(header: Sequence[str], table: Path) -> list[str]:
    """Return the columns that have a name."""
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise TagbenchError(
            f"{table} has no column {' and no column '.join(missing)}; its header is "
            f"{','.join(header) or 'empty'}. Example:\n{EXAMPLE}"
        )
    names = [name for name in header if not _is_unnamed(name)]
    for name in names:
        if header.count(name) > 1:
            raise TagbenchError(f"{table} has the column {name!r} more than once.")
        if name not in (*_NEEDED, *_OPTIONAL):
            raise unknown_name("column", name, (*_NEEDED, *_OPTIONAL), str(table))
    return names


def _is_unnamed(name: str) -> bool:
    return not name or _UNNAMED.fullmatch(name) is not None


def _check_unnamed(cells: Sequence[str], header: Sequence[str], where: str) -> None:
    """Raise if a column without a name holds anything but the number of a row."""
    for column, (name, cell) in enumerate(zip(header, cells, strict=False), 1):
        if _is_unnamed(name) and not re.fullmatch(r"\s*\d*\s*", cell):
            raise TagbenchError(
                f"{where}: column {column} has no name and holds {cell[:40]!r}. Name it "
                f"({', '.join((*_NEEDED, *_OPTIONAL))}), or remove it."
            )
