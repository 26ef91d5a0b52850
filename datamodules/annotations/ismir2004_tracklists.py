"""Reader of the tracklists of ISMIR2004 (https://zenodo.org/record/1302992)."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from datamodules.common.errors import TagbenchError

_COLUMNS = {"training": 6, "development": 6, "evaluation": 7}


@dataclass(frozen=True)
class ListedTrack:
    """A row of a tracklist.

    Attributes:
        genre: Class.
        artist: Artist; ``artist_1`` and so on in the development set.
        album: Title of the album.
        path: Path of the audio below ``audio/<subset>``.
    """

    genre: str
    artist: str
    album: str
    path: str


def read_tracklist(
    path: Path, subset: str, classes: Collection[str], checksum: str, advice: str
) -> list[ListedTrack]:
    """Read ``metadata/<subset>/tracklist.csv`` and verify its content.

    The columns are class, artist, album, title, number, path and, in ``evaluation``, the Magnatune
    id. Copies differ in quotes, line endings and a header, so the rows are verified as the
    publisher wrote them. The digest of a split does not include the classes.

    Args:
        path: The file.
        subset: ``training``, ``development`` or ``evaluation``.
        classes: The classes.
        checksum: ``"md5:<hex>"`` of the publisher's file.
        advice: Last sentence of an error.

    Raises:
        TagbenchError: The file cannot be read, or its content is not the published one.
    """
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise TagbenchError(f"{path} cannot be read: {error}. {advice}") from None
    if rows and rows[0][:1] == ["class"]:
        del rows[0]
    for line, row in enumerate(rows, 1):
        if len(row) != _COLUMNS[subset] or row[0] not in classes:
            raise TagbenchError(
                f"{path}, track {line}: expected {_COLUMNS[subset]} columns, the first a class, "
                f"found {row}. {advice}"
            )
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    md5 = hashlib.md5(text.getvalue().encode(), usedforsecurity=False).hexdigest()
    if f"md5:{md5}" != checksum:
        raise TagbenchError(
            f"{path} is not the published list: {len(rows)} tracks, md5 {md5}, expected "
            f"{checksum.removeprefix('md5:')}. {advice}"
        )
    return [ListedTrack(row[0], row[1], row[2], row[5]) for row in rows]
