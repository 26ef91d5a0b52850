"""Embeddings of finished tracks of a run that may be stopped, in an SQLite file.

Each track is one transaction, so that a killed run loses the track that it was computing.
"""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from benchmark.embed.identity import check_same
from benchmark.embed.windows import TrackRows
from datamodules.common.canonical_json import canonical_json
from datamodules.common.errors import TagbenchError

_TABLES = (
    "CREATE TABLE IF NOT EXISTS identity (text TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS tracks"
    " (id TEXT PRIMARY KEY, digest TEXT NOT NULL, rows BLOB NOT NULL)",
)


class Journal:
    """Rows of tracks by id, with the digest of the audio that they were computed from.

    Args:
        connection: Connection to the file.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def finished(self) -> dict[str, str]:
        """Return the digest of each finished track.

        A track whose rows are damaged is forgotten.
        """
        found = dict(self._connection.execute("SELECT id, digest FROM tracks"))
        for track_id in list(found):
            try:
                self.rows(track_id)
            except (BadZipFile, ValueError, KeyError, EOFError, OSError):
                self._connection.execute("DELETE FROM tracks WHERE id = ?", (track_id,))
                del found[track_id]
        self._connection.commit()
        return found

    def add(self, track_id: str, digest: str, rows: TrackRows) -> None:
        """Store the rows of a track, which replace older ones."""
        self._connection.execute(
            "INSERT OR REPLACE INTO tracks VALUES (?, ?, ?)", (track_id, digest, _packed(rows))
        )
        self._connection.commit()

    def rows(self, track_id: str) -> TrackRows:
        """Return the rows of a finished track."""
        (content,) = self._connection.execute(
            "SELECT rows FROM tracks WHERE id = ?", (track_id,)
        ).fetchone()
        return _unpacked(content)


@contextmanager
def open_journal(path: Path, identity: Mapping[str, Any]) -> Iterator[Journal]:
    """Open the journal of a run, or create it, and hold a lock on it.

    Args:
        path: The file.
        identity: Identity of the table that is computed.

    Raises:
        TagbenchError: The file is that of another table, is damaged, or another process uses it.
        OSError: The file cannot be created.
    """
    path.open("ab").close()  # an error of SQLite would not state the reason
    with closing(sqlite3.connect(path, timeout=0)) as connection:
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            _check_identity(connection, path, identity)
            connection.commit()
            yield Journal(connection)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                text = "another process writes it. Wait for that to end"
            else:
                text = f"{error}. Free some space"
            raise TagbenchError(
                f"{path} cannot be written: {text}, or name another file with --out."
            ) from error
        except sqlite3.DatabaseError as error:
            raise _damaged(path, error) from error


def _check_identity(
    connection: sqlite3.Connection, path: Path, identity: Mapping[str, Any]
) -> None:
    for table in _TABLES:
        connection.execute(table)
    stored = connection.execute("SELECT text FROM identity").fetchone()
    if stored is None:
        connection.execute("INSERT INTO identity VALUES (?)", (canonical_json(identity),))
        return
    try:
        found = json.loads(stored[0])
    except ValueError as error:
        raise _damaged(path, error) from error
    check_same(found, identity, path)


def _damaged(path: Path, error: Exception) -> TagbenchError:
    return TagbenchError(
        f"{path}, the unfinished result of an earlier run, is damaged: {error}. Delete it, and run "
        "the same command again."
    )


def _packed(rows: TrackRows) -> bytes:
    """Return rows as the content of an .npz file, which has a checksum of each array."""
    buffer = io.BytesIO()
    names = np.array(list(rows.vectors), dtype=np.str_)
    arrays: dict[str, Any] = {
        f"vectors{number}": values for number, values in enumerate(rows.vectors.values())
    }
    arrays |= {"starts": rows.starts, "durations": rows.durations, "layers": names}
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _unpacked(content: bytes) -> TrackRows:
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        vectors = {
            str(name): stored[f"vectors{number}"] for number, name in enumerate(stored["layers"])
        }
        return TrackRows(stored["starts"], stored["durations"], vectors)
