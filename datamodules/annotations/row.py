"""`Row`: one track of a table that a user wrote, and the checks that every kind of table shares."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from datamodules.annotations.names import clean, match_key, nfc
from datamodules.audio.npy_waveform import RATE, source_of
from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.corpus.track import SPLITS, UNLABELLED, Track

_SPLIT_ALIASES = {"training": "train", "validation": "valid", "val": "valid", "testing": "test"}
_SHOWN = 5


@dataclass(frozen=True)
class Row:
    """One track of a table.

    The fields after ``album`` exist in a JSONL manifest only, see
    `datamodules.annotations.manifest_jsonl`.

    Attributes:
        path: Audio file relative to the table, with forward slashes, in Unicode form NFC.
        tags: Positive labels, sorted.
        split: ``train``, ``valid``, ``test``, or empty.
        artist: Name of the artist; empty if unknown. Likewise ``album`` and ``song``.
        track_id: Identifier; empty if it is the path.
        rate: Sample rate of a ``.npy`` file in Hz.
        extra: Further columns.
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
        """Identifier of the track."""
        return self.track_id or self.path

    def track(self, file: Path) -> Track:
        """Return the track whose audio is a file."""
        source = source_of(file, self.path, self.rate)
        return Track(
            track_id=self.name,
            split=self.split,
            tags=self.tags,
            source=source,
            artist=self.artist,
            album=self.album,
            song=self.song,
            extra=self.extra,
            stamp=source.stamp(),
        )

    def described(self) -> list[object]:
        """Return what determines the data, as JSON values. Fields without a value are left out."""
        more: dict[str, object] = {
            "song": self.song,
            "track_id": self.track_id,
            "extra": dict(self.extra),
        }
        if self.rate != RATE:
            more["rate"] = self.rate
        given = {key: value for key, value in more.items() if value}
        always: list[object] = [self.path, list(self.tags), self.split, self.artist, self.album]
        return [*always, given] if given else always


def make_row(
    path: str, tags: Iterable[str], split: str, table: Path, line: int, *, single: bool, **more: Any
) -> Row:
    """Check and normalise one line of a table.

    Args:
        path: Path of the audio, relative to the table, or absolute and below its folder.
        tags: Tags of the track, in any order.
        split: Any usual name of a split; may be empty.
        table: The table. Paths are relative to its folder.
        line: Number of the line, for messages.
        single: Whether there must be exactly one tag.
        more: Other fields of `Row`; names of artists, albums and songs are cleaned.

    Raises:
        TagbenchError: If the table is not valid; the message states line and remedy.
    """
    where = f"{table}, line {line}"
    place = _relative(path, table, where)
    names = tuple(sorted({clean(tag) for tag in tags} - {""}))
    split = clean(split).lower()
    split = _SPLIT_ALIASES.get(split, split)
    if split and split not in (*SPLITS, UNLABELLED):
        raise unknown_name("split", split, (*SPLITS, UNLABELLED), where)
    if single and len(names) != 1 and split != UNLABELLED:
        raise TagbenchError(
            f"{where}: {place!r} has {len(names)} tags ({' | '.join(names) or 'none'}); with "
            "task=singlelabel each track needs exactly one. Use task=multilabel, or correct it."
        )
    for key in ("artist", "album", "song"):
        if key in more:
            more[key] = clean(more[key])
    if "track_id" in more:
        more["track_id"] = nfc(more["track_id"])
    return Row(place, names, split, **{"artist": "", "album": "", **more})


def check_rows(rows: Iterable[Row], table: Path, example: str) -> tuple[Row, ...]:
    """Return the rows of a table by path, with one spelling for each artist, album and song.

    Raises:
        TagbenchError: If no row has a tag, or only some rows have a split, or a split is empty.
    """
    ordered = sorted(rows, key=lambda row: row.path)
    if not any(row.tags for row in ordered):
        raise TagbenchError(f"{table}: no row has a tag. Example:\n{example}")
    _check_splits(ordered, table)
    spellings = {
        key: _spellings(getattr(row, key) for row in ordered) for key in ("artist", "album", "song")
    }
    return tuple(
        replace(
            row,
            artist=spellings["artist"][row.artist],
            album=spellings["album"][row.album],
            song=spellings["song"][row.song],
        )
        for row in ordered
    )


def locate(table: Path, rows: Sequence[Row]) -> list[Path]:
    """Return the file of each row, whatever Unicode form the file system stores its name in.

    Raises:
        TagbenchError: If any is missing, with their number and the first few.
    """
    listings: dict[Path, dict[str, str]] = {}
    files = [_find(table.parent, row.path, listings) for row in rows]
    missing = [row.path for row, file in zip(rows, files, strict=True) if file is None]
    if missing:
        shown = ", ".join(missing[:_SHOWN]) + (" ..." if len(missing) > _SHOWN else "")
        raise TagbenchError(
            f"{len(missing)} of {len(rows)} files that {table} names do not exist: {shown}. "
            f"Paths are relative to {table.parent}."
        )
    return [file for file in files if file is not None]


def _relative(written: str, table: Path, where: str) -> str:
    """Return a path relative to the folder of the table, with forward slashes."""
    text = written.strip().replace("\\", "/")
    if not text:
        raise TagbenchError(f"{where}: the path is empty.")
    path = str(PurePosixPath(nfc(text)))
    if path.startswith("/"):
        path = _below(Path(text), table.parent) or path
    if path.startswith("/") or ".." in path.split("/") or path[1:2] == ":":
        raise TagbenchError(
            f"{where}: {path!r} leads out of the folder of the table. Use a path relative to "
            f"{table.parent}."
        )
    return path


def _below(path: Path, folder: Path) -> str:
    """Return an absolute path relative to a folder; empty if it is not below it."""
    lexical = Path(os.path.normpath(path))
    for inner, outer in (
        (lexical, Path(os.path.normpath(folder.absolute()))),
        (lexical.parent.resolve() / lexical.name, folder.resolve()),
    ):
        # Both in one Unicode form, because the two may come from different systems.
        below, parent = PurePosixPath(nfc(str(inner))), PurePosixPath(nfc(str(outer)))
        if parent in below.parents:
            return str(below.relative_to(parent))
    return ""


def _find(folder: Path, name: str, listings: dict[Path, dict[str, str]]) -> Path | None:
    """Return the file of a path in NFC below a folder, or None."""
    if (folder / name).is_file():
        return folder / name
    place = folder
    for component in name.split("/"):
        if not (place / component).exists():
            if place not in listings:
                listings[place] = {nfc(entry): entry for entry in _entries(place)}
            component = listings[place].get(component, component)
        place /= component
    return place if place.is_file() else None


def _entries(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208  names, not paths
    except OSError:
        return []


def _spellings(names: Iterable[str]) -> dict[str, str]:
    """Map each name to the most frequent spelling of the same name, ties to the first by code."""
    variants: dict[str, Counter[str]] = defaultdict(Counter)
    for name in names:
        variants[match_key(name)][name] += 1
    return {
        name: min(counts, key=lambda spelling: (-counts[spelling], spelling))
        for counts in variants.values()
        for name in counts
    }


def _check_splits(rows: Sequence[Row], table: Path) -> None:
    """Check that either no row has a split, or all rows have one and no split is empty."""
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
