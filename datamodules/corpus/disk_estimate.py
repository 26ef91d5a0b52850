"""Estimate of the disk space that a preparation needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datamodules.audio.sources import FileSource
from datamodules.common.filesystem import check_disk_space
from datamodules.common.formatting import human_bytes, human_duration
from datamodules.corpus.track import Track

_HEADERS_READ = 64
_DEFAULT_SECONDS = 30.0
_BYTES_PER_SAMPLE = 2
_BYTES_PER_ROW = 600  # of manifest and sidecar
# The estimate rests on a few headers, so it has to exceed the free space by a margin.
_MARGIN = 0.8


@dataclass(frozen=True)
class Estimate:
    """Size of a preparation: number of tracks, duration in seconds, bytes on disk."""

    tracks: int
    seconds: float
    bytes: int

    def __str__(self) -> str:
        duration = human_duration(self.seconds)
        return f"{self.tracks} tracks, about {duration} of audio, about {human_bytes(self.bytes)}"


def estimate_disk(tracks: Sequence[Track], sample_rate: int) -> Estimate:
    """Estimate the disk space of prepared tracks from the headers of at most 128 of them."""
    step = max(len(tracks) // _HEADERS_READ, 1)
    durations = [_seconds(track) for track in tracks[::step]]
    mean = sum(durations) / len(durations) if durations else 0.0
    seconds = mean * len(tracks)
    size = seconds * sample_rate * _BYTES_PER_SAMPLE + _BYTES_PER_ROW * len(tracks)
    return Estimate(len(tracks), seconds, round(size))


def check_disk(estimate: Estimate, folder: Path) -> int:
    """Return the free bytes on the disk of ``folder``.

    Raises:
        TagbenchError: If the estimate exceeds them by more than its uncertainty.
    """
    return check_disk_space(
        folder,
        estimate.bytes,
        f"{estimate.tracks} tracks",
        remedy="name another folder for prepared corpora with --data-root",
        margin=_MARGIN,
    )


def _seconds(track: Track) -> float:
    seconds = track.seconds
    if seconds is None and isinstance(track.source, FileSource):
        seconds = track.source.seconds()
    return _DEFAULT_SECONDS if seconds is None else seconds
