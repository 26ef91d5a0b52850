"""Readers of ``lastfm_tags.db`` and of the Taste Profile of the Million Song Dataset."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from io import BufferedIOBase
from pathlib import Path

from datamodules.common.errors import TagbenchError, not_as_published

_QUERY = """
SELECT tids.tid, tags.tag, tid_tag.val FROM tid_tag
JOIN tids ON tids.rowid = tid_tag.tid JOIN tags ON tags.rowid = tid_tag.tag
WHERE tid_tag.val >= ?
"""


def read_annotations(path: Path, tracks: Collection[str], least: float) -> dict[str, list[str]]:
    """Read the tags of tracks from the publisher's SQLite database ``lastfm_tags.db``.

    Args:
        path: The database: the tables ``tids`` (tid), ``tags`` (tag) and ``tid_tag`` (tid, tag,
            val), which name tracks and tags by their rowids; ``val`` is a score from 0 to 100.
        tracks: MSD ids of the tracks.
        least: Least score of a tag.

    Returns:
        Tags of each track that has some, sorted.

    Raises:
        TagbenchError: The file is not this database.
    """
    found: dict[str, list[str]] = {}
    try:
        with closing(sqlite3.connect(f"{_existing(path).as_uri()}?mode=ro", uri=True)) as database:
            for track, tag, _ in database.execute(_QUERY, (least,)):
                if track in tracks:
                    found.setdefault(track, []).append(str(tag))
    except sqlite3.Error as error:
        raise TagbenchError(
            f"{path} is not the lastfm_tags.db of the Million Song Dataset ({error}): expected an "
            "SQLite database with the tables tids, tags and tid_tag."
        ) from error
    return {track: sorted(tags) for track, tags in sorted(found.items())}


def read_songs(path: Path) -> set[str]:
    """Read the Echo Nest ids of the songs of the Taste Profile.

    Args:
        path: The publisher's ``train_triplets.txt``, also compressed by gzip: user, song and number
            of plays in each line, separated by tabs.

    Raises:
        TagbenchError: The file is missing or has another format.
    """
    songs: set[bytes] = set()
    with _open(_existing(path)) as file:
        for number, line in enumerate(file, 1):
            fields = line.split(b"\t")
            if len(fields) != 3:
                raise not_as_published(path, number, "expected user, song and plays")
            songs.add(fields[1])
    return {song.decode("ascii", errors="replace") for song in songs}


def _open(path: Path) -> BufferedIOBase:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def read_track_tags(path: Path, least: float) -> Iterator[tuple[str, str]]:
    """Yield track and cleaned tag from ``track_tags.tsv`` of MSD500.

    Args:
        path: Lines of MSD id, original tag, cleaned tag, category and score, separated by tabs.
        least: Least score of a tag.

    Raises:
        TagbenchError: The file is missing or has another format.
    """
    with _existing(path).open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            fields = line.rstrip("\n").split("\t")
            try:
                track, _, tag, _, score = fields
                scored = float(score) >= least
            except ValueError:
                raise not_as_published(
                    path, number, "expected an id, two tags, a category and a score"
                ) from None
            if scored:
                yield track, tag


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise TagbenchError(
            f"There is no file {path}. Download it from its publisher; docs/retrieval.md names the "
            "files that MSD500 is built from."
        )
    return path.resolve()
