"""`Corpus`: a prepared dataset on disk, with its manifest and its audio.

The decoding processes import this module's neighbours, so pandas and pyarrow are imported where
they are used.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.corpus.track import SPLITS, Float32, Int16

if TYPE_CHECKING:
    import pandas as pd

CORPUS_FORMAT = 1
# Each shard is one mapped file with an open descriptor: stay far below the usual limit of 1,024.
_OPEN_SHARDS = 128


class Corpus:
    """A prepared dataset on disk: manifest and int16 shards.

    Files below ``root``: ``corpus.json`` (written last: its presence means complete),
    ``manifest.parquet`` (rows sorted by track id), ``rejected.csv`` and ``shards/NNNNN.i16``
    (raw little-endian int16). Instances are cheap to pickle: shards are mapped when first read,
    once per process.

    Attributes:
        root: Folder of the corpus.
        frame: The manifest. Its index is the row index that ``audio`` and ``window`` take.
        name: Name of the dataset.
        task: ``"multilabel"`` or ``"singlelabel"``.
        tags: The classes, in the order of the columns of ``targets``.
        sample_rate: In Hz.
        manifest_digest: sha256 of what was prepared, wherever and however it was decoded.
        split_digest: sha256 of which track is in which split.
        tags_digest: sha256 of the ordered classes.
        info: Everything in ``corpus.json``.
    """

    def __init__(self, root: Path, info: Mapping[str, Any], frame: pd.DataFrame) -> None:
        self.root = root
        self.info = dict(info)
        self.frame = frame
        self.name: str = info["name"]
        self.task: str = info["task"]
        self.tags: tuple[str, ...] = tuple(info["tags"])
        self.sample_rate: int = info["sample_rate"]
        self.manifest_digest: str = info["manifest_digest"]
        self.split_digest: str = info["split_digest"]
        self.tags_digest: str = info["tags_digest"]
        self.track_ids: npt.NDArray[np.str_] = frame["track_id"].to_numpy(dtype=str)
        self.samples: npt.NDArray[np.int64] = frame["samples"].to_numpy(dtype=np.int64)
        self._shard: npt.NDArray[np.int32] = frame["shard"].to_numpy(dtype=np.int32)
        self._offset: npt.NDArray[np.int64] = frame["offset"].to_numpy(dtype=np.int64)
        self._scale: Float32 = frame["scale"].to_numpy(dtype=np.float32)
        self._maps: OrderedDict[int, Int16] = OrderedDict()

    @classmethod
    def open(cls, root: str | Path) -> Corpus:
        """Open a complete corpus.

        Raises:
            TagbenchError: If there is none at ``root``, or another version wrote it.
        """
        folder = Path(root)
        try:
            info = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise TagbenchError(
                f"No prepared corpus in {folder}: corpus.json is missing. "
                "Run `tagbench prepare` for this dataset; what is already decoded is kept."
            ) from None
        except ValueError as error:
            raise TagbenchError(
                f"{folder / 'corpus.json'} is not readable ({error}). "
                "Delete that file and run `tagbench prepare`."
            ) from None
        if info.get("format") != CORPUS_FORMAT:
            raise TagbenchError(
                f"The corpus in {folder} has format {info.get('format')}, expected "
                f"{CORPUS_FORMAT}. Delete the folder and run `tagbench prepare`."
            )
        import pyarrow.parquet as pq

        frame = pq.read_table(folder / "manifest.parquet").to_pandas()
        frame["tags"] = [tuple(tags) for tags in frame["tags"]]
        return cls(folder, info, frame)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_maps": OrderedDict()}

    def __len__(self) -> int:
        return len(self.frame)

    def split(self, name: str) -> pd.DataFrame:
        """Return the rows of one split, ordered by track id, with their row indices."""
        if name not in SPLITS:
            raise unknown_name("split", name, SPLITS)
        return self.frame[self.frame["split"] == name]

    def raw(self, row_index: int, start: int, length: int) -> tuple[Int16, np.float32]:
        """Return ``length`` samples as stored (a view of the shard) and the factor they need."""
        shard = self._map(int(self._shard[row_index]))
        first = int(self._offset[row_index]) + start
        return shard[first : first + length], self._scale[row_index]

    def audio(self, row_index: int) -> Float32:
        """Return a whole track: float32 of shape ``(samples,)`` at ``sample_rate``."""
        return self.window(row_index, 0, int(self.samples[row_index]))

    def window(self, row_index: int, start: int, length: int) -> Float32:
        """Return the part ``[start, start + length)`` of a track as float32.

        Raises:
            TagbenchError: If the part does not lie within the track.
        """
        available = int(self.samples[row_index])
        if start < 0 or length < 0 or start + length > available:
            raise TagbenchError(
                f"Track {self.track_ids[row_index]!r} has {available} samples: "
                f"[{start}, {start + length}) is not within it."
            )
        stored, scale = self.raw(row_index, start, length)
        return np.multiply(stored, scale, dtype=np.float32)

    def targets(self, split: str) -> npt.NDArray[np.uint8]:
        """Return the labels of a split: uint8 of shape ``(N, C)``, rows as in ``split``."""
        columns = {tag: column for column, tag in enumerate(self.tags)}
        rows = self.split(split)["tags"]
        matrix = np.zeros((len(rows), len(self.tags)), dtype=np.uint8)
        for row, tags in enumerate(rows):
            matrix[row, [columns[tag] for tag in tags]] = 1
        return matrix

    def clusters(self, split: str, by: str = "artist") -> list[str]:
        """Return what to resample together, one per row.

        Args:
            split: Which rows.
            by: ``"artist"``: the artist where known, else the song, else the track; ``"song"``: the
                song where known, else the track; ``"track"``: each on its own.
        """
        rows = self.split(split)
        kinds = {"artist": ("artist", "song"), "song": ("song",), "track": ()}[by]
        found = []
        for row in rows[["artist", "song", "track_id"]].to_dict("records"):
            kind = next((kind for kind in kinds if row[kind]), "track_id")
            found.append(f"{kind.removesuffix('_id')}:{row[kind]}")
        return found

    def _map(self, shard: int) -> Int16:
        mapped = self._maps.get(shard)
        if mapped is None:
            path = self.root / "shards" / f"{shard:05d}.i16"
            try:
                mapped = np.memmap(path, dtype="<i2", mode="r").view(np.ndarray)
            except (OSError, ValueError) as error:
                raise TagbenchError(
                    f"A part of the corpus is missing: {path} ({error}). "
                    f"Delete {self.root / 'corpus.json'} and run `tagbench prepare`."
                ) from None
            self._maps[shard] = mapped
            if len(self._maps) > _OPEN_SHARDS:
                self._maps.popitem(last=False)
        else:
            self._maps.move_to_end(shard)
        return mapped
