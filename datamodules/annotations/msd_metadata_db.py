"""Reader of ``track_metadata.db``, the database of artists of the Million Song Dataset."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datamodules.common.errors import TagbenchError

DATABASE = "track_metadata.db"
"""Name of the file at its publisher."""


@dataclass(frozen=True)
class Origin:
    """Artist, album and song of a track.

    Attributes:
        artist: Echo Nest id of the artist.
        release: Title of the album.
        song: Echo Nest id of the song; several tracks may be recordings of one song.
    """

    artist: str
    release: str
    song: str

    @property
    def album(self) -> str:
        """Artist and title of the album, because albums of several artists share a title."""
        return f"{self.artist}:{self.release}" if self.release else ""


def find_origins(given: str, downloads: Path, ids: Collection[str]) -> dict[str, Origin]:
    """Read the origins of tracks if the database is there; see `read_origins`.

    Args:
        given: Path of the database; empty to search in ``downloads``.
        downloads: Folder of the downloaded files.
        ids: MSD ids of the tracks.

    Returns:
        Origin of each track by MSD id; empty if ``downloads`` does not contain the database.

    Raises:
        TagbenchError: If the given file does not exist or is not this database.
    """
    path = Path(given).expanduser() if given else downloads / DATABASE
    if path.is_file():
        return read_origins(path, ids)
    if given:
        raise TagbenchError(
            f"msd: track_metadata: {path} is no file. Expected the path of {DATABASE}."
        )
    return {}


def read_origins(path: Path, ids: Collection[str]) -> dict[str, Origin]:
    """Read the origins of tracks from the publisher's SQLite database ``track_metadata.db``.

    Args:
        path: The database.
        ids: MSD ids of the tracks.

    Returns:
        Origin of each track that the database contains, by MSD id.

    Raises:
        TagbenchError: If the file is not this database.
    """
    wanted = set(ids)
    return {track: origin for track, origin in _origins(path) if track in wanted}


def read_origins_of_songs(path: Path, songs: Collection[str] | None) -> dict[str, Origin]:
    """Read the origins of all tracks that are recordings of songs, and whose artist is known.

    Args:
        path: The database.
        songs: Echo Nest ids of the songs; None for all.

    Raises:
        TagbenchError: If the file is not this database.
    """
    return {
        track: origin
        for track, origin in _origins(path)
        if origin.artist and (songs is None or origin.song in songs)
    }


def read_clip_ids(path: Path, ids: Collection[str]) -> dict[str, str]:
    """Read the 7digital ids of tracks.

    Args:
        path: The database.
        ids: MSD ids of the tracks.

    Raises:
        TagbenchError: If the file is not this database.
    """
    wanted = set(ids)
    rows = _rows(path, "SELECT track_id, track_7digitalid FROM songs")
    return {str(track): str(clip) for track, clip in rows if track in wanted and clip}


def _origins(path: Path) -> Iterator[tuple[str, Origin]]:
    query = "SELECT track_id, artist_id, release, song_id FROM songs"
    for track, artist, release, song in _rows(path, query):
        yield track, Origin(artist or "", release or "", song or "")


def _rows(path: Path, query: str) -> Iterator[tuple[Any, ...]]:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            yield from database.execute(query)
    except sqlite3.Error as error:
        raise TagbenchError(
            f"{path} is not the track_metadata.db of the Million Song Dataset ({error}): expected "
            "an SQLite database with the table songs."
        ) from error
