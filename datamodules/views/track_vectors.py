"""Vectors of tracks from a file, such as listening vectors or the embeddings of another model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

import numpy as np

from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.corpus.track import Float32
from datamodules.views.base import TrackVector
from datamodules.views.vector_file import Vectors, read_vectors

Missing = Literal["error", "mean"]


@dataclass(frozen=True)
class TrackVectors(TrackVector):
    """One vector of each track, read from a file by the id of the track.

    Perturbations do not reach the vectors. The identity is the digest of the content: the path, the
    format and the order of the rows are no part of it.

    Args:
        sample_rate: Has no effect.
        path: Parquet or npz file, see `datamodules.views.vector_file.EXPECTED`.
        missing: ``error`` refuses a dataset with tracks that are not in the file. ``mean`` gives
            these tracks the mean over all vectors of the file, so that models of all inputs are
            tested on the same tracks.
        content: Digest of the content; by default that of the file.
        size: Values of a vector; by default as in the file.

    Raises:
        TagbenchError: The file cannot be read, or is another one than ``content`` states.
    """

    name: ClassVar[str] = "track_vectors"

    sample_rate: int = field(default=16000, compare=False)
    path: str = field(default="", compare=False)
    missing: Missing = "error"
    content: str = ""
    size: int = 0

    def __post_init__(self) -> None:
        if self.missing not in get_args(Missing):
            raise unknown_name("value", self.missing, get_args(Missing), "track_vectors: missing")
        if not self.content:
            vectors = read_vectors(self.path)
            object.__setattr__(self, "content", vectors.digest)
            object.__setattr__(self, "size", vectors.values.shape[1])

    def of_track(self, track_id: str, audio: Float32) -> Float32:
        """Return the vector of a track (1, D)."""
        vectors = self._vectors()
        row = vectors.place.get(track_id)
        if row is not None:
            return vectors.values[row : row + 1]
        if self.missing == "error":
            self.check_tracks([track_id])
        return vectors.values.mean(axis=0, dtype=np.float64, keepdims=True).astype(np.float32)

    def check_tracks(self, track_ids: Sequence[str]) -> None:
        """Check that the file has every track, unless ``missing`` allows otherwise.

        Raises:
            TagbenchError: It does not; the message counts the missing tracks and names some.
        """
        place = self._vectors().place
        lacking = [track_id for track_id in track_ids if track_id not in place]
        if lacking and (self.missing == "error" or len(lacking) == len(track_ids)):
            raise TagbenchError(
                f"{self.path} has no vector for {len(lacking)} of {len(track_ids)} tracks, such as "
                f"{', '.join(lacking[:3])}. Its tracks are called, for example, "
                f"{', '.join(sorted(place)[:3])}. Add the missing ones, or set missing: mean to "
                "give them the mean vector."
            )

    @property
    def width(self) -> int:
        """Number of values in a vector."""
        return self.size

    def _vectors(self) -> Vectors:
        vectors = read_vectors(self.path)
        if vectors.digest != self.content:
            raise TagbenchError(
                f"The vectors in {self.path} have changed since the run was planned. Run the same "
                "tagbench run again; what does not depend on them is kept."
            )
        return vectors
