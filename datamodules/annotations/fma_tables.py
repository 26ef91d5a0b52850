"""Readers of ``tracks.csv`` and ``genres.csv`` of FMA (Defferrard et al., 2017)."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from datamodules.common.errors import not_as_published, unknown_name

SUBSETS = ("small", "medium", "large")
"""Subsets from the smallest to the largest; a subset contains the smaller ones."""

_SPLITS = {"training": "train", "validation": "valid", "test": "test"}
_LONGEST_CELL = 1 << 24  # characters; Python's csv refuses long biographies by default
_NO_ALBUM = "-1"
# Columns of tracks.csv that are read, with the two levels of the header.
_COLUMNS = {
    "artist": ("artist", "id"),
    "album": ("album", "id"),
    "split": ("set", "split"),
    "subset": ("set", "subset"),
    "duration": ("track", "duration"),
    "genre_top": ("track", "genre_top"),
    "genres": ("track", "genres"),
    "genres_all": ("track", "genres_all"),
}
_Cells = dict[str, str]


@dataclass(frozen=True)
class FmaTrack:
    """A row of ``tracks.csv``.

    Attributes:
        number: Track id.
        split: ``"train"``, ``"valid"`` or ``"test"``.
        subset: The smallest of `SUBSETS` that contains the track.
        genre: Title of the root genre; empty if there is none, or several.
        genres: Titles of all genres and of the genres that these belong to, in the order of their
            ids.
        own_genres: Ids of the genres that the artist chose, without those that they belong to.
        artist: Id of the artist.
        album: Id of the album, or empty.
        seconds: Duration of the whole track in seconds, or None.
    """

    number: int
    split: str
    subset: str
    genre: str
    genres: tuple[str, ...]
    own_genres: tuple[int, ...]
    artist: str
    album: str
    seconds: float | None


def read_tracks(path: Path, titles: Mapping[int, str]) -> list[FmaTrack]:
    """Read ``tracks.csv``.

    Args:
        path: The file.
        titles: Title by id of each genre; see `read_genres`.

    Raises:
        TagbenchError: The file is not as published.
    """
    tracks = []
    for line, cells in _rows(path):
        for column, valid in (("subset", SUBSETS), ("split", tuple(_SPLITS))):
            if cells[column] not in valid:
                raise unknown_name(column, cells[column], valid, f"{path}, line {line}")
        try:
            tracks.append(_track(cells, titles))
        except (KeyError, ValueError, TypeError) as error:
            raise not_as_published(path, line, f"{type(error).__name__}: {error}") from error
    return tracks


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


def _rows(path: Path) -> Iterator[tuple[int, _Cells]]:
    """Yield the number of the last line and the cells of each row of ``tracks.csv``.

    The header has three lines: two levels of names, and the name of the first column. Cells
    contain line breaks.
    """
    with _long_cells(), path.open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines)
        head = list(islice(reader, 3))
        if len(head) < 3 or head[2][:1] != ["track_id"]:
            raise not_as_published(path, 3, "the third line of the header has no track_id")
        names = list(zip(head[0], head[1], strict=False))
        absent = [".".join(levels) for levels in _COLUMNS.values() if levels not in names]
        if absent:
            raise not_as_published(path, 2, f"no column {', '.join(absent)}")
        columns = {"track_id": 0} | {name: names.index(at) for name, at in _COLUMNS.items()}
        try:
            for cells in reader:
                if len(cells) != len(names):
                    what = f"{len(cells)} cells instead of {len(names)}"
                    raise not_as_published(path, reader.line_num, what)
                yield reader.line_num, {name: cells[at] for name, at in columns.items()}
        except csv.Error as error:
            raise not_as_published(path, reader.line_num, str(error)) from error


def _track(cells: _Cells, titles: Mapping[int, str]) -> FmaTrack:
    # A list as Python writes it. It contains integers only, so it is JSON, too.
    genres = sorted(json.loads(cells["genres_all"]))
    return FmaTrack(
        number=int(cells["track_id"]),
        split=_SPLITS[cells["split"]],
        subset=cells["subset"],
        genre=cells["genre_top"],
        genres=tuple(titles[genre] for genre in genres),
        own_genres=tuple(sorted(json.loads(cells["genres"]))),
        artist=cells["artist"],
        album="" if cells["album"] == _NO_ALBUM else cells["album"],
        seconds=float(cells["duration"]) if cells["duration"] else None,
    )


@contextmanager
def _long_cells() -> Iterator[None]:
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)
