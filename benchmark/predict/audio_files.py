"""Tags with probabilities for any audio file, by any checkpoint."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.audio.decode import decode
from datamodules.audio.find_files import find_audio_files
from datamodules.audio.formats import DECODED_SUFFIXES
from datamodules.common.errors import TagbenchError
from datamodules.loaders.windowing import Windowing, cut, window_starts
from lightning_modules.base import TaggingModule

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]

WINDOWS_PER_BATCH = 16
_DECODERS = 2  # threads that decode ahead of the model; libsndfile and soxr release the GIL


@dataclass(frozen=True)
class AudioFile:
    """A file to tag.

    Attributes:
        path: Where it lies.
        name: Its name in results: relative to the folder that was asked for, else as given.
    """

    path: Path
    name: str


@dataclass(frozen=True)
class Prediction:
    """What a model hears in a file.

    Attributes:
        file: Which one.
        seconds: Its length.
        scores: Mean probabilities (C,) over the windows.
        audio: The decoded samples (T,) at the model's rate.
    """

    file: AudioFile
    seconds: float
    scores: Float32
    audio: Float32

    def top(self, tags: Sequence[str], n: int) -> list[tuple[str, float]]:
        """Return the ``n`` likeliest tags, or all of them for 0, the likeliest first."""
        order = np.argsort(-self.scores, kind="stable")[: n or None]
        return [(tags[at], float(self.scores[at])) for at in order]


@dataclass(frozen=True)
class Failure:
    """A file that gave no prediction, and why."""

    file: AudioFile
    reason: str


def find_audio(paths: Iterable[Path]) -> list[AudioFile]:
    """List files as given, and in folders all files with the name of an audio format.

    Args:
        paths: Files and folders; a path that does not exist is kept, to fail by itself.

    Raises:
        TagbenchError: A folder holds no audio.
    """
    found: dict[Path, AudioFile] = {}
    for path in paths:
        if not path.is_dir():
            found.setdefault(path, AudioFile(path, str(path)))
            continue
        inside = find_audio_files(path)
        if not inside:
            formats = " ".join(sorted(suffix[1:] for suffix in DECODED_SUFFIXES))
            raise TagbenchError(f"There is no audio in {path}: looked for {formats}.")
        for file in inside:
            found.setdefault(file, AudioFile(file, file.relative_to(path).as_posix()))
    return list(found.values())


def predict_files(
    module: TaggingModule, files: Sequence[AudioFile], windowing: Windowing
) -> Iterator[Prediction | Failure]:
    """Tag files one after the other; a file that cannot be read costs only itself.

    Args:
        module: On its device, in evaluation mode.
        files: What to tag.
        windowing: How each is cut.

    Yields:
        One result a file, in their order.
    """
    for file, audio in _decoded(files, module.sample_rate):
        if isinstance(audio, str):
            yield Failure(file, audio)
            continue
        starts = window_starts(len(audio), module.input_samples, windowing)
        scores = predict_windows(module, audio, starts).mean(0)
        if not np.isfinite(scores).all():
            yield Failure(file, "the scores of the model contain NaN or infinity")
            continue
        yield Prediction(file, len(audio) / module.sample_rate, scores.astype(np.float32), audio)


def predict_windows(module: TaggingModule, audio: Float32, starts: Int64) -> NDArray[np.float64]:
    """Return probabilities (W, C) of the windows of a track.

    Args:
        module: On its device, in evaluation mode.
        audio: Shape (T,) at the model's rate; repeated where it is shorter than a window.
        starts: First samples (W,) of the windows.
    """
    rows = []
    for first in range(0, len(starts), WINDOWS_PER_BATCH):
        part = starts[first : first + WINDOWS_PER_BATCH]
        windows = torch.from_numpy(cut(audio, part, module.input_samples)).to(module.device)
        with torch.inference_mode():
            rows.append(module.probabilities(module(windows)).double().cpu().numpy())
    return np.concatenate(rows)


def _decoded(
    files: Sequence[AudioFile], sample_rate: int
) -> Iterator[tuple[AudioFile, Float32 | str]]:
    """Yield the audio of each file, or why there is none, a few files ahead of the caller."""
    workers = min(_DECODERS, os.cpu_count() or 1, max(len(files), 1))
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
