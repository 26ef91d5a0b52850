"""`StoredRows`: random access to the stored rows of a view."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import replace_file
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import Float32
from datamodules.views.base import View

Int64 = npt.NDArray[np.int64]

_FORMAT = 1


@dataclass(frozen=True)
class Key:
    """What determines the rows of a track, beside the view.

    Attributes:
        audio_sha256: Digest of the stored samples; empty for a view that does not read them.
        scale: Their scale.
        track_id: Id of the track; empty for a view that does not read it.
    """

    audio_sha256: str
    scale: float
    track_id: str = ""


@dataclass(frozen=True)
class Entry:
    """The rows of one track in a shard.

    Attributes:
        key: What they were computed from.
        offset: First row in the shard.
        rows: Number of rows.
    """

    key: Key
    offset: int
    rows: int


def view_folder(corpus: Corpus, view: View) -> Path:
    """Return the folder of a view, inside that of the corpus."""
    return corpus.root / "views" / f"{view.name}-{view.digest}"


def rows_path(folder: Path, number: int) -> Path:
    """Return the path of the rows of a shard, float32."""
    return folder / f"{number:05d}.f32"


def write_index(folder: Path, number: int, view: View, entries: list[Entry]) -> None:
    """Write the sidecar of a shard, which declares it finished."""
    tracks = [
        {**_key_as_json(entry.key), "offset": entry.offset, "rows": entry.rows} for entry in entries
    ]
    content = {"format": _FORMAT, "view": view.identity(), "tracks": tracks}
    replace_file(folder / f"{number:05d}.json", json.dumps(content, indent=1).encode())


def read_index(folder: Path, view: View) -> dict[Key, tuple[int, Entry]]:
    """Return the shard and the position of each stored track.

    Shards of another view, and shards whose rows are missing or incomplete, are skipped.
    """
    stored: dict[Key, tuple[int, Entry]] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if (content["format"], content["view"]) != (_FORMAT, _as_json(view.identity())):
                continue
            entries = [_entry(track) for track in content["tracks"]]
            number = int(path.stem)
            total = sum(entry.rows for entry in entries)
            if rows_path(folder, number).stat().st_size != 4 * total * view.width:
                continue
        except (OSError, ValueError, KeyError, TypeError):
            continue
        stored |= {entry.key: (number, entry) for entry in entries}
    return stored


def track_keys(corpus: Corpus, view: View, rows: Int64) -> list[Key]:
    """Return what determines the view of each of some rows of a corpus."""
    table = corpus.frame.loc[rows, ["track_id", "audio_sha256", "scale"]]
    return [
        Key(
            str(digest) if view.reads_audio else "",
            float(scale) if view.reads_audio else 1.0,
            str(track_id) if view.reads_track_id else "",
        )
        for track_id, digest, scale in table.itertuples(index=False)
    ]


def _entry(track: Mapping[str, Any]) -> Entry:
    key = Key(track["audio_sha256"], track["scale"], track.get("track_id", ""))
    return Entry(key, track["offset"], track["rows"])


def _key_as_json(key: Key) -> dict[str, Any]:
    """Return the fields of a key; an empty id is left out, as in the files of older versions."""
    content = asdict(key)
    if not key.track_id:
        del content["track_id"]
    return content


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


class StoredRows:
    """Rows of a view of N tracks, in memory-mapped shards.

    Args:
        folder: Folder of the view.
        width: Number of values in a row.
        shard: Number of the shard of each track, int64 of shape ``(N,)``.
        offset: First row of each track in its shard, int64 of shape ``(N,)``.
        lengths: Number of rows of each track, int64 of shape ``(N,)``.
    """

    def __init__(
        self, folder: Path, width: int, shard: Int64, offset: Int64, lengths: Int64
    ) -> None:
        self._folder = folder
        self.width = width
        self._shard = shard
        self._offset = offset
        self.lengths = lengths
        self._maps: dict[int, Float32] = {}

    @classmethod
    def open(cls, corpus: Corpus, view: View, rows: Int64) -> StoredRows:
        """Open the stored view of some rows of a corpus.

        Raises:
            TagbenchError: It has not been computed for all of them.
        """
        folder = view_folder(corpus, view)
        stored = read_index(folder, view)
        keys = track_keys(corpus, view, rows)
        missing = [key for key in keys if key not in stored]
        if missing:
            raise TagbenchError(
                f"The view {view.name!r} of {corpus.name!r} is incomplete: {len(missing)} of "
                f"{len(keys)} tracks are not in {folder}. Run the same tagbench run again; what is "
                "already computed is kept."
            )
        found = [stored[key] for key in keys]
        return cls(
            folder,
            view.width,
            np.array([number for number, _ in found], dtype=np.int64),
            np.array([entry.offset for _, entry in found], dtype=np.int64),
            np.array([entry.rows for _, entry in found], dtype=np.int64),
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_maps": {}}

    def __len__(self) -> int:
        return len(self.lengths)

    def window(self, position: int, start: int, length: int) -> Float32:
        """Return rows ``[start, start + length)`` of a track, float32 ``(length, width)``.

        The bounds of the track are not checked. The result is a read-only view of the file.
        """
        first = int(self._offset[position]) + start
        return self._map(int(self._shard[position]))[first : first + length]

    def track(self, position: int) -> Float32:
        """Return all rows of a track, float32 of shape ``(rows, width)``."""
        return self.window(position, 0, int(self.lengths[position]))

    def __iter__(self) -> Iterator[Float32]:
        return (self.track(position) for position in range(len(self)))

    def _map(self, number: int) -> Float32:
        if number not in self._maps:
            path = rows_path(self._folder, number)
            mapped = np.memmap(path, dtype="<f4", mode="r").view(np.ndarray)
            self._maps[number] = mapped.reshape(-1, self.width)
        return self._maps[number]
