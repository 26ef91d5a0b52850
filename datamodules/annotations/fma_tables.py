"""Readers of ``tracks.csv`` and ``genres.csv`` of FMA (Defferrard et al., 2017)."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from datamodules.common.errors import TagbenchError

Row = dict[str, str]

_LONGEST_CELL = 1 << 24  # characters; Python's csv refuses long biographies by default
# Columns of tracks.csv that are read: name here, and the two levels of the header.
_COLUMNS = {
    "artist": ("artist", "id"),
    "album": ("album", "id"),
    "split": ("set", "split"),
    "subset": ("set", "subset"),
    "duration": ("track", "duration"),
    "genre_top": ("track", "genre_top"),
    "genres_all": ("track", "genres_all"),
}


def read_tracks(path: Path) -> Iterator[tuple[int, Row]]:
    """Yield the number of the last line and the columns of each row of ``tracks.csv``.

    The header has three lines: two levels of names, and the name of the first column. Cells
    contain line breaks.

    Raises:
        TagbenchError: The file is not as published.
    """
    with _long_cells(), path.open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines)
        head = list(islice(reader, 3))
        if len(head) < 3 or head[2][:1] != ["track_id"]:
            raise not_as_published(path, 3, "the third line of the header lacks track_id")
        names = list(zip(head[0], head[1], strict=False))
        lacking = [".".join(levels) for levels in _COLUMNS.values() if levels not in names]
        if lacking:
            raise not_as_published(path, 2, f"no column {', '.join(lacking)}")
        places = {"track_id": 0} | {name: names.index(at) for name, at in _COLUMNS.items()}
        try:
            for cells in reader:
                if len(cells) != len(names):
                    what = f"{len(cells)} cells instead of {len(names)}"
                    raise not_as_published(path, reader.line_num, what)
                yield reader.line_num, {name: cells[at] for name, at in places.items()}
        except csv.Error as error:
            raise not_as_published(path, reader.line_num, str(error)) from error


def read_genres(path: Path) -> dict[int, str]:
    """Return the title of each genre that has tracks, by id and in the order of ids.

    Raises:
        TagbenchError: The file is not as published.
    """
    titles = {}
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        for row in reader:
            try:
                if int(row["#tracks"]):
                    titles[int(row["genre_id"])] = row["title"]
            except (KeyError, ValueError, TypeError) as error:
                what = f"{type(error).__name__}: {error}"
                raise not_as_published(path, reader.line_num, what) from error
    return dict(sorted(titles.items()))


@contextmanager
def _long_cells() -> Iterator[None]:
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def not_as_published(path: Path, line: int, what: str) -> TagbenchError:
    """Return the error of a table that differs from the published one."""
    return TagbenchError(
        f"{path}, line {line}: {what}. This is not the file that FMA publishes. Delete it and run "
        "the same command again."
    )
