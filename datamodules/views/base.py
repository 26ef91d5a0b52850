"""`View`: the base class of what a model sees of a track.

Worker processes import this package, so it must stay free of torch.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from datamodules.common.canonical_json import canonical_json
from datamodules.common.errors import TagbenchError
from datamodules.corpus.track import Float32


@dataclass(frozen=True)
class View(ABC):
    """A function from the samples of a track to rows of numbers.

    A subclass is a frozen dataclass whose fields are its parameters, as JSON values. A view can
    therefore be a key, and it can be sent to worker processes. A field with ``compare=False`` does
    not determine the values, such as the path of a file whose digest is another field.

    Args:
        sample_rate: Rate in Hz of the audio that it takes.

    Attributes:
        name: Name of the view in identities, folders and commands; it never changes.
        revision: Number to increase whenever a change alters the values.
    """

    name: ClassVar[str]
    revision: ClassVar[int] = 1

    sample_rate: int

    @abstractmethod
    def compute(self, audio: Float32) -> Float32:
        """Return the view of a track.

        Args:
            audio: Samples (T,) at ``sample_rate``, at least one.

        Returns:
            float32 of shape ``(rows, width)``, at least one row, all values finite. A view that
            describes the whole track has one row.
        """

    def of_track(self, track_id: str, audio: Float32) -> Float32:
        """Return the view of a track of a dataset; by default that of its samples.

        A view that depends on ``track_id`` overrides this method and `reads_track_id`.

        Args:
            track_id: Id of the track.
            audio: Samples (T,) at ``sample_rate``. A view that does not read them gets one sample.
        """
        return self.compute(audio)

    def check_tracks(self, track_ids: Sequence[str]) -> None:  # noqa: B027  nothing to check
        """Check that the view of each of some tracks can be computed, as far as ids decide it.

        Raises:
            TagbenchError: One cannot be.
        """

    @property
    def reads_audio(self) -> bool:
        """Whether the values depend on the samples, so that perturbing the audio changes them."""
        return True

    @property
    def reads_track_id(self) -> bool:
        """Whether the values depend on the id of the track, see `of_track`."""
        return False

    @property
    def stored(self) -> bool:
        """Whether the rows are stored for training; otherwise the stage reads the audio itself."""
        return True

    @property
    @abstractmethod
    def width(self) -> int:
        """Number of values in a row."""

    @property
    @abstractmethod
    def seconds_per_row(self) -> float | None:
        """Distance of two rows in seconds; None if one row describes the whole track."""

    @property
    def columns(self) -> tuple[tuple[str, ...], ...]:
        """Header of an exported table: one or more levels for each of ``width`` values."""
        return tuple((str(number),) for number in range(self.width))

    @property
    def column_levels(self) -> tuple[str, ...]:
        """Names of the levels of `columns`."""
        return ("value",)

    def rows(self, seconds: float) -> int:
        """Return about how many rows a track of this length has, to announce sizes."""
        return 1 if self.seconds_per_row is None else max(1, round(seconds / self.seconds_per_row))

    def identity(self) -> dict[str, Any]:
        """Return everything that determines the values, as JSON values."""
        params = {field.name: getattr(self, field.name) for field in fields(self) if field.compare}
        return {"name": self.name, "revision": self.revision, "params": params}

    @property
    def digest(self) -> str:
        """12 hexadecimal digits, a digest of `identity`."""
        return hashlib.sha256(canonical_json(self.identity()).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class TrackVector(View):
    """A vector of each track of a dataset, found by the id of the track.

    Perturbations do not reach it. A subclass implements `View.of_track` and `View.width`.
    """

    def compute(self, audio: Float32) -> Float32:
        """Raise a `TagbenchError`: the vectors do not belong to audio."""
        raise TagbenchError(
            f"The vectors of the view {self.name!r} belong to tracks of a dataset. A model that "
            "takes them cannot be applied to an audio file."
        )

    @abstractmethod
    def of_track(self, track_id: str, audio: Float32) -> Float32:
        """Return the vector of a track (1, D); for the arguments, see `View.of_track`."""

    @property
    def reads_audio(self) -> bool:
        """False: the values do not depend on the samples."""
        return False

    @property
    def reads_track_id(self) -> bool:
        """True: the values are found by the id of the track."""
        return True

    @property
    def seconds_per_row(self) -> None:
        """None: a row describes the whole track."""
        return
