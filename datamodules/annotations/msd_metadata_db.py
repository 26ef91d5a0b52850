"""Reader of ``track_metadata.db``, the database of artists of the Million Song Dataset."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

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
    query = "SELECT track_id, artist_id, release, song_id FROM songs"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            return {
                track: Origin(artist or "", release or "", song or "")
                for track, artist, release, song in database.execute(query)
                if track in wanted
            }
    except sqlite3.Error as error:
        raise TagbenchError(
            f"{path} is not the track_metadata.db of the Million Song Dataset ({error}): expected "
            "an SQLite database with the table songs."
        ) from error
