"""`StoredAudio`: random access to the samples of prepared tracks."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from datamodules.common.errors import TagbenchError
from datamodules.corpus.shards import shard_path
from datamodules.corpus.track import Float32, Int16

# Each mapped shard keeps a file descriptor open; the usual limit of a process is 1,024.
_OPEN_SHARDS = 128


class StoredAudio:
    """Samples of N tracks in memory-mapped shards.

    An instance holds 24 bytes for each track. It does not pickle the mapped files: each process
    maps a shard when it first reads it.

    Args:
        folder: Folder of the shards.
        shard: Number of the shard of each track, int32 of shape ``(N,)``.
        offset: First sample of each track in its shard, int64 of shape ``(N,)``.
        samples: Length of each track, int64 of shape ``(N,)``.
        scale: Factor that turns the stored int16 of each track into float32, of shape ``(N,)``.
    """

    def __init__(
        self,
        folder: Path,
        shard: npt.NDArray[np.int32],
        offset: npt.NDArray[np.int64],
        samples: npt.NDArray[np.int64],
        scale: Float32,
    ) -> None:
        self._folder = folder
        self._shard = shard
        self._offset = offset
        self.samples = samples
        self._scale = scale
        self._maps: OrderedDict[int, Int16] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_maps": OrderedDict()}

    def __len__(self) -> int:
        return len(self.samples)

    def take(self, rows: npt.NDArray[np.int64]) -> StoredAudio:
        """Return a selection of tracks.

        Args:
            rows: Row of each track to keep, of shape ``(M,)``; track ``rows[i]`` becomes row i.
        """
        return StoredAudio(
            self._folder,
            self._shard[rows],
            self._offset[rows],
            self.samples[rows],
            self._scale[rows],
        )

    def raw(self, row: int, start: int, length: int) -> tuple[Int16, np.float32]:
        """Return samples as they are stored, without copying them.

        Args:
            row: Row of the track.
            start: First sample within the track.
            length: Number of samples.

        Returns:
            int16 of shape ``(length,)``, a view of the shard, and the factor to float32. The
            bounds of the track are not checked.
        """
        shard = self._map(int(self._shard[row]))
        first = int(self._offset[row]) + start
        return shard[first : first + length], self._scale[row]

    def window(self, row: int, start: int, length: int) -> Float32:
        """Return the samples ``[start, start + length)`` of a track.

        Args:
            row: Row of the track.
            start: First sample within the track.
            length: Number of samples.

        Returns:
            float32 of shape ``(length,)``.

        Raises:
            TagbenchError: If the samples are not all within the track, or the shard is missing.
        """
        available = int(self.samples[row])
        if start < 0 or length < 0 or start + length > available:
            raise TagbenchError(
                f"Cannot read samples {start} to {start + length} of the track in row {row}, "
                f"which has {available} samples."
            )
        stored, scale = self.raw(row, start, length)
        return np.multiply(stored, scale, dtype=np.float32)

    def _map(self, number: int) -> Int16:
        mapped = self._maps.get(number)
        if mapped is None:
            path = shard_path(self._folder, number)
            try:
                mapped = np.memmap(path, dtype="<i2", mode="r").view(np.ndarray)
            except (OSError, ValueError) as error:
                raise TagbenchError(
                    f"Cannot read a shard of the corpus: {path} ({error}). "
                    f"Delete {self._folder.parent / 'corpus.json'} and run `tagbench prepare`."
                ) from None
            self._maps[number] = mapped
            if len(self._maps) > _OPEN_SHARDS:
                self._maps.popitem(last=False)
        else:
            self._maps.move_to_end(number)
        return mapped
