"""Rows of one view, each followed by the values of another view that has one row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from datamodules.common.errors import TagbenchError
from datamodules.corpus.track import Float32
from datamodules.views.base import View


@dataclass(frozen=True)
class Joined(View):
    """Rows of the view ``rows_of``, each followed by the one row of the view ``vector``.

    ``vector`` describes a whole track, such as its listening vector. Perturbations reach those
    values only that are computed from audio.

    Args:
        sample_rate: Rate in Hz of the audio; that of the parts which read audio.
        rows_of: View with one or more rows.
        vector: View with one row.

    Raises:
        TagbenchError: ``vector`` has several rows, or a part takes another sample rate.
    """

    name: ClassVar[str] = "joined"

    rows_of: View
    vector: View

    def __post_init__(self) -> None:
        if self.vector.seconds_per_row is not None:
            raise TagbenchError(
                f"The view {self.vector.name!r} has several rows for a track and cannot be joined "
                "to each row of another view: expected a view with one row as the second part."
            )
        for part in (self.rows_of, self.vector):
            if part.reads_audio and part.sample_rate != self.sample_rate:
                raise TagbenchError(
                    f"The view {part.name!r} takes audio at {part.sample_rate} Hz, and the view "
                    f"that it is part of at {self.sample_rate} Hz. Give both the same sample_rate."
                )

    def compute(self, audio: Float32) -> Float32:
        """Return the joined rows of parts that do not read the id of the track."""
        return self._join(self.rows_of.compute(audio), self.vector.compute(audio))

    def of_track(self, track_id: str, audio: Float32) -> Float32:
        """Return the joined rows (rows, width of both)."""
        return self._join(
            self.rows_of.of_track(track_id, audio), self.vector.of_track(track_id, audio)
        )

    def check_tracks(self, track_ids: Sequence[str]) -> None:
        """Check the tracks for both parts."""
        self.rows_of.check_tracks(track_ids)
        self.vector.check_tracks(track_ids)

    @property
    def reads_audio(self) -> bool:
        """Whether a part reads the samples."""
        return self.rows_of.reads_audio or self.vector.reads_audio

    @property
    def stored(self) -> bool:
        """Whether the rows of both parts are stored."""
        return self.rows_of.stored and self.vector.stored

    @property
    def reads_track_id(self) -> bool:
        """Whether a part reads the id of the track."""
        return self.rows_of.reads_track_id or self.vector.reads_track_id

    @property
    def width(self) -> int:
        """Values of both parts."""
        return self.rows_of.width + self.vector.width

    @property
    def seconds_per_row(self) -> float | None:
        """Distance of two rows of the first part."""
        return self.rows_of.seconds_per_row

    def rows(self, seconds: float) -> int:
        """Return the number of rows of the first part."""
        return self.rows_of.rows(seconds)

    def identity(self) -> dict[str, Any]:
        """Return the identities of both parts."""
        params = {"rows": self.rows_of.identity(), "vector": self.vector.identity()}
        return {"name": self.name, "revision": self.revision, "params": params}

    def _join(self, rows: Float32, vector: Float32) -> Float32:
        return np.concatenate([rows, np.repeat(vector, len(rows), axis=0)], axis=1)
