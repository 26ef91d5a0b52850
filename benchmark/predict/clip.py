"""Clips that are cut from audio files, or spliced from parts of several files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.predict.audio_files import AudioFile
from datamodules.audio.decode import decode
from datamodules.common.errors import TagbenchError

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Part:
    """A file in a clip, and the second at which it starts there."""

    name: str
    start: float


@dataclass(frozen=True)
class Clip:
    """Audio to explain.

    Attributes:
        audio: Samples (T,) at the model's rate.
        parts: Files that the clip is made of, in order.
    """

    audio: Float32
    parts: tuple[Part, ...]

    @property
    def start(self) -> float:
        """Start of the clip in seconds: in a file, or 0 in a clip of several files."""
        return self.parts[0].start


def cut_clip(file: AudioFile, rate: int, start: float, seconds: float | None) -> Clip:
    """Cut a clip from a file.

    Args:
        file: The file.
        rate: Sample rate of the clip in Hz.
        start: Start in seconds.
        seconds: Length; None means to the end of the file.

    Raises:
        TagbenchError: The file cannot be read, or ends before ``start``.
    """
    audio = _read(file, rate, start)
    if seconds is not None:
        audio = audio[: round((start + seconds) * rate) - round(start * rate)]
    return Clip(audio, (Part(file.path.name, start),))


def splice(files: Sequence[AudioFile], rate: int, start: float, samples: int) -> Clip:
    """Join equal parts of several files to one clip.

    Args:
        files: The files in order.
        rate: Sample rate of the clip in Hz.
        start: Start of the part in each file, in seconds.
        samples: Length of the clip.

    Raises:
        TagbenchError: There are fewer than two files, one cannot be read, or its part is shorter
            than the others.
    """
    if len(files) < 2:
        raise TagbenchError(f"--splice joins two files or more, got {len(files)}.")
    edges = [samples * at // len(files) for at in range(len(files) + 1)]
    pieces, parts = [], []
    for file, first, stop in zip(files, edges[:-1], edges[1:], strict=True):
        audio = _read(file, rate, start)
        if len(audio) < stop - first:
            raise TagbenchError(
                f"--splice: {file.name} has {len(audio) / rate:.2f} s after --start {start:g}, and "
                f"{(stop - first) / rate:.2f} s are needed. Choose fewer with --seconds."
            )
        pieces.append(audio[: stop - first])
        parts.append(Part(file.path.name, first / rate))
    return Clip(np.concatenate(pieces), tuple(parts))


def _read(file: AudioFile, rate: int, start: float) -> Float32:
    """Return the samples (T,), at least one, from ``start`` to the end of a file."""
    audio = decode(file.path, rate, file.name)
    first = round(start * rate)
    if first >= len(audio):
        length = len(audio) / rate
        raise TagbenchError(f"--start {start:g}: {file.name} is {length:.2f} s long.")
    return audio[first:]
