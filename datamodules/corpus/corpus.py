"""`Corpus`: a prepared dataset on disk, with its manifest and its audio."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.corpus.stored_audio import StoredAudio
from datamodules.corpus.track import SPLITS, UNLABELLED, Float32, Int16

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

CORPUS_FORMAT = 1
Int64 = npt.NDArray[np.int64]


class Corpus:
    """A prepared dataset on disk: manifest and int16 shards.

    Files below ``root``: ``corpus.json`` (written last: its presence means that the corpus is
    complete), ``manifest.parquet`` (rows sorted by track id), ``rejected.csv`` and
    ``shards/NNNNN.i16`` (raw little-endian int16).

    Columns of the manifest are read when they are first needed, and a pickle holds none of them, so
    that a process which only reads audio stays small.

    Attributes:
        root: Folder of the corpus.
        name: Name of the dataset.
        task: ``"multilabel"`` or ``"singlelabel"``.
        tags: The classes, in the order of the columns of ``targets``.
        sample_rate: Sample rate in Hz.
        manifest_digest: SHA-256 digest of what was prepared; the same on every machine.
        split_digest: SHA-256 digest of the assignment of tracks to splits.
        tags_digest: SHA-256 digest of the ordered classes.
        info: Everything in ``corpus.json``.
    """

    def __init__(self, root: Path, info: Mapping[str, Any]) -> None:
        self.root = root
        self.info = dict(info)
        self.name: str = info["name"]
        self.task: str = info["task"]
        self.tags: tuple[str, ...] = tuple(info["tags"])
        self.sample_rate: int = info["sample_rate"]
        self.manifest_digest: str = info["manifest_digest"]
        self.split_digest: str = info["split_digest"]
        self.tags_digest: str = info["tags_digest"]

    @classmethod
    def open(cls, root: str | Path) -> Corpus:
        """Open a complete corpus.

        Raises:
            TagbenchError: If there is none at ``root``, or it has an unknown format.
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
        return cls(folder, info)

    def __getstate__(self) -> dict[str, Any]:
        kept = dict(self.__dict__)
        for column in ("frame", "track_ids", "_split_names"):
            kept.pop(column, None)
        return kept

    def __len__(self) -> int:
        return int(self.info["tracks"])

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The manifest. Its index is the row index that `audio` and `window` take."""
        frame = self._table(None).to_pandas()
        frame["tags"] = [tuple(tags) for tags in frame["tags"]]
        return frame

    @cached_property
    def track_ids(self) -> npt.NDArray[np.str_]:
        """Identifiers of the tracks, str of shape ``(N,)``."""
        return np.array(self._table(["track_id"])["track_id"].to_pylist(), dtype=str)

    @cached_property
    def stored_audio(self) -> StoredAudio:
        """Access to the audio of all rows."""
        table = self._table(["shard", "offset", "samples", "scale"])
        return StoredAudio(
            self.root / "shards",
            table["shard"].to_numpy().astype(np.int32),
            table["offset"].to_numpy().astype(np.int64),
            table["samples"].to_numpy().astype(np.int64),
            table["scale"].to_numpy().astype(np.float32),
        )

    @property
    def samples(self) -> Int64:
        """Length of each track in samples, int64 of shape ``(N,)``."""
        return self.stored_audio.samples

    def split(self, name: str) -> pd.DataFrame:
        """Return the rows of one split, ordered by track id, with their row indices."""
        _check_split(name)
        return self.frame[self.frame["split"] == name]

    def rows(self, split: str) -> Int64:
        """Return the row indices of one split, int64, ordered by track id."""
        _check_split(split)
        return np.flatnonzero(self._split_names == split)

    @property
    def pool(self) -> str:
        """The split that is read where tracks are used without their labels.

        It is ``unlabelled`` where the corpus has that split, ``test`` for a corpus without any tags
        and ``train`` for a labelled corpus, whose labels are then ignored.
        """
        if self.info["splits"].get(UNLABELLED):
            return UNLABELLED
        return "train" if self.tags else "test"

    def ids(self, rows: Int64) -> pa.Array:
        """Return the track ids of some rows as an Arrow array, which is compact."""
        return self._table(["track_id"])["track_id"].combine_chunks().take(rows)

    def raw(self, row_index: int, start: int, length: int) -> tuple[Int16, np.float32]:
        """Return ``length`` stored samples (a view of the shard) and their factor to float32."""
        return self.stored_audio.raw(row_index, start, length)

    def audio(self, row_index: int) -> Float32:
        """Return a whole track: float32 of shape ``(samples,)`` at ``sample_rate``."""
        return self.window(row_index, 0, int(self.samples[row_index]))

    def window(self, row_index: int, start: int, length: int) -> Float32:
        """Return the part ``[start, start + length)`` of a track as float32.

        Raises:
            TagbenchError: If the part does not lie within the track.
        """
        return self.stored_audio.window(row_index, start, length)

    def targets(self, split: str) -> npt.NDArray[np.uint8]:
        """Return the labels of a split: uint8 of shape ``(N, C)``, rows as in ``rows``."""
        import pyarrow as pa
        import pyarrow.compute as pc

        lists = self._table(["tags"])["tags"].combine_chunks().take(self.rows(split))
        columns = pc.index_in(lists.flatten(), value_set=pa.array(self.tags, pa.string()))
        rows = np.repeat(np.arange(len(lists)), lists.value_lengths().to_numpy())
        matrix = np.zeros((len(lists), len(self.tags)), dtype=np.uint8)
        matrix[rows, columns.to_numpy(zero_copy_only=False)] = 1
        return matrix

    def clusters(self, split: str, by: str = "artist") -> list[str]:
        """Return the group that each row of a split is resampled with in a bootstrap.

        Args:
            split: The split.
            by: ``"artist"``: the artist where known, else the song, else the track; ``"song"``: the
                song where known, else the track; ``"track"``: each track on its own.
        """
        rows = self.split(split)
        kinds = {"artist": ("artist", "song"), "song": ("song",), "track": ()}[by]
        names = []
        for row in rows[["artist", "song", "track_id"]].to_dict("records"):
            kind = next((kind for kind in kinds if row[kind]), "track_id")
            names.append(f"{kind.removesuffix('_id')}:{row[kind]}")
        return names

    def bags(self, split: str, by: Sequence[str] = ("album", "artist")) -> Int64:
        """Return the bag of each row of a split, int64 (N,), numbered by first occurrence.

        Tracks with the same values in the columns ``by`` form a bag. A track without any of these
        values is a bag of its own.
        """
        rows = self.split(split)[["track_id", *by]].to_dict("records")
        numbers: dict[tuple[str, ...], int] = {}
        bags = []
        for row in rows:
            values = tuple(str(row[column]) for column in by)
            key = values if any(values) else ("", row["track_id"])
            bags.append(numbers.setdefault(key, len(numbers)))
        return np.array(bags, dtype=np.int64)

    @cached_property
    def _split_names(self) -> npt.NDArray[np.str_]:
        return np.array(self._table(["split"])["split"].to_pylist(), dtype=str)

    def _table(self, columns: list[str] | None) -> pa.Table:
        """Read columns of the manifest; all of them for None."""
        import pyarrow.parquet as pq

        path = self.root / "manifest.parquet"
        try:
            table = pq.read_table(path, columns=columns, memory_map=True)
        except (OSError, ValueError) as error:
            raise TagbenchError(
                f"The manifest {path} cannot be read ({error}). "
                f"Delete {self.root / 'corpus.json'} and run `tagbench prepare`."
            ) from None
        if len(table) != len(self):
            raise TagbenchError(
                f"{path} has {len(table)} rows and corpus.json {len(self)}: another process has "
                "prepared the corpus again. Run the same command again."
            )
        return table


def _check_split(name: str) -> None:
    if name not in (*SPLITS, UNLABELLED):
        raise unknown_name("split", name, (*SPLITS, UNLABELLED))
