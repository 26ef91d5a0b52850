"""Reader of the tables of MTG-Jamendo: one track in each line, with its tags from column six."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from datamodules.annotations.entry import Entry
from datamodules.common.errors import not_as_published

_HEADER = ["TRACK_ID", "ARTIST_ID", "ALBUM_ID", "PATH", "DURATION", "TAGS"]


def read_entries(path: Path, split: str) -> Iterator[Entry]:
    """Yield the tracks of a table.

    Args:
        path: The table.
        split: Split of its tracks.

    Raises:
        TagbenchError: If the table does not have the published columns.
    """
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        if next(reader, []) != _HEADER:
            raise not_as_published(path, 1, f"expected the columns {', '.join(_HEADER)}")
        for row in reader:
            if not (len(row) >= len(_HEADER) and re.fullmatch(r"\d+(\.\d+)?", row[4])):
                problem = f"expected {', '.join(_HEADER)}, separated by tabs, found {row}"
                raise not_as_published(path, reader.line_num, problem)
            track_id, artist, album, audio, seconds, *tags = row
            yield Entry(track_id, split, tuple(tags), audio, artist, album, seconds=float(seconds))
