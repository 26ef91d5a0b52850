"""Tag audio files with a checkpoint."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.predict.inference import predict_track
from datamodules.audio.decode import decode
from datamodules.audio.find_files import require_audio_files
from datamodules.common.cpus import usable_cpus
from datamodules.common.errors import TagbenchError
from datamodules.loaders.windowing import Windowing
from lightning_modules.base import TaggingModule

Float32 = NDArray[np.float32]

_DECODERS = 2  # threads that decode ahead of the model; libsndfile and soxr release the GIL


@dataclass(frozen=True)
class AudioFile:
    """A file to tag.

    Attributes:
        path: Path of the file.
        name: Name in results: relative to the given folder, or as given for a single file.
    """

    path: Path
    name: str


@dataclass(frozen=True)
class Prediction:
    """Scores of one file.

    Attributes:
        file: The file.
        seconds: Length of its audio.
        scores: Mean probabilities (C,) over the windows.
        audio: Decoded samples (T,) at the model's rate.
    """

    file: AudioFile
    seconds: float
    scores: Float32
    audio: Float32

    def top(self, tags: Sequence[str], n: int) -> list[tuple[str, float]]:
        """Return the ``n`` tags with the highest scores in descending order; 0 returns all tags."""
        order = np.argsort(-self.scores, kind="stable")[: n or None]
        return [(tags[index], float(self.scores[index])) for index in order]


@dataclass(frozen=True)
class UnreadableFile:
    """A file without a prediction, and the reason."""

    file: AudioFile
    reason: str


def find_audio(paths: Iterable[Path]) -> list[AudioFile]:
    """List the given files, and all files in the given folders whose suffix is an audio format's.

    Args:
        paths: Files and folders. A path that does not exist is kept; reading it fails later.

    Raises:
        TagbenchError: A folder holds no audio file.
    """
    files: dict[Path, AudioFile] = {}
    for path in paths:
        if not path.is_dir():
            files.setdefault(path, AudioFile(path, str(path)))
            continue
        for file in require_audio_files(path):
            files.setdefault(file, AudioFile(file, file.relative_to(path).as_posix()))
    return list(files.values())


def predict_files(
    module: TaggingModule, files: Sequence[AudioFile], windowing: Windowing
) -> Iterator[Prediction | UnreadableFile]:
    """Tag files one after the other. An unreadable file does not affect the others.

    Args:
        module: Model in evaluation mode, on its device.
        files: Files to tag.
        windowing: Protocol that places the windows.

    Yields:
        One result for each file, in the order of ``files``.
    """
    for file, audio in decoded_files(files, module.sample_rate):
        if isinstance(audio, str):
            yield UnreadableFile(file, audio)
            continue
        scores = predict_track(module, audio, windowing)
        if not np.isfinite(scores).all():
            yield UnreadableFile(file, "the scores of the model contain NaN or infinity")
            continue
        yield Prediction(file, len(audio) / module.sample_rate, scores.astype(np.float32), audio)


def decoded_files(
    files: Sequence[AudioFile], sample_rate: int
) -> Iterator[tuple[AudioFile, Float32 | str]]:
    """Yield the audio of each file, or the reason why it cannot be read, in order.

    A few files are decoded ahead of the caller.

    Args:
        files: Files to read.
        sample_rate: Sample rate of the audio, in Hz.
    """
    workers = min(_DECODERS, usable_cpus(), max(len(files), 1))
    with ThreadPoolExecutor(workers) as pool:
        ahead: deque[tuple[AudioFile, Future[Float32]]] = deque()
        waiting = iter(files)
        while True:
            for file in waiting:
                ahead.append((file, pool.submit(decode, file.path, sample_rate, file.name)))
                if len(ahead) > workers:
                    break
            if not ahead:
                return
            file, future = ahead.popleft()
            try:
                yield file, future.result()
            except TagbenchError as error:
                yield file, getattr(error, "reason", str(error))
