"""One track of a dataset before it is decoded: its labels, its groups and the source of its audio.

The decoding processes import this module, so it must stay free of pandas, pyarrow and torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Int16 = npt.NDArray[np.int16]

SPLITS = ("train", "valid", "test")
"""Splits of the tracks with labels."""

UNLABELLED = "unlabelled"
"""Split of tracks without labels, which some ways of training use and which is never scored."""

COLUMNS = (
    "track_id", "split", "tags", "artist", "album", "song", "source", "source_sha256", "shard",
    "offset", "samples", "scale", "audio_sha256",
)  # fmt: skip
"""Columns that every prepared manifest has; `Track.extra` may add others."""

_FIXED = "fixed:"


class AudioSource(Protocol):
    """Source of the audio of one track: a file, or a synthesiser and an index.

    Sources are pickled and sent to the decoding processes, so the module that defines one must not
    import torch.
    """

    @property
    def label(self) -> str:
        """Name of the source that is the same on every machine, such as a relative path."""

    def sha256(self) -> str:
        """Return the hexadecimal SHA-256 digest of everything that determines the audio."""

    def read(self, sample_rate: int) -> Float32:
        """Return the whole track, mono float32 of shape ``(T,)``, at ``sample_rate`` in Hz.

        Raises:
            datamodules.audio.errors.AudioError: If the source cannot be decoded.
        """


@dataclass(frozen=True)
class Track:
    """One track of a dataset as its publisher describes it.

    Attributes:
        track_id: Identifier, unique in the dataset and the same in every release of this project.
        split: ``"train"``, ``"valid"``, ``"test"`` or ``"unlabelled"``; empty only until a split
            is drawn.
        tags: Positive labels of the track.
        source: Source of the audio.
        artist: Group that no two splits should share; empty if unknown.
        album: Group of the same kind as ``artist``.
        song: Group of the same kind; several clips may be cut from one song.
        extra: Further columns of the manifest.
        stamp: Short text that changes whenever the source may have changed, such as size and
            modification time of a file. If it is unchanged, audio that was prepared earlier is
            used without reading the source. Empty if the source cannot change.
        seconds: Duration, if it is known without decoding; used only to estimate disk space.
    """

    track_id: str
    split: str
    tags: tuple[str, ...]
    source: AudioSource
    artist: str = ""
    album: str = ""
    song: str = ""
    extra: Mapping[str, str | float | int] = field(default_factory=dict)
    stamp: str = ""
    seconds: float | None = None

    @property
    def group(self) -> str:
        """Group that two splits must not share: artist, else album, else song, else the track."""
        for kind, value in (("artist", self.artist), ("album", self.album), ("song", self.song)):
            if value:
                return f"{kind}:{value}"
        return f"track:{self.track_id}"


def fixed_stamp(release: str) -> str:
    """Return the stamp of audio that cannot change, because a checksum of the publisher holds."""
    return f"{_FIXED}{release}"


def is_fixed(stamp: str) -> bool:
    """Return whether equal stamps mean equal audio in every corpus, and not only in one folder."""
    return stamp.startswith(_FIXED)
