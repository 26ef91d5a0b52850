"""Run models over the windows of tracks, and average the probabilities of each track's windows.

Models that need the same windows share them, and models with equal front ends share their
spectrograms. How windows are grouped into batches depends on one model alone, so that no score
depends on the other models.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.loaders.windowing import Windowing, cut, window_starts
from lightning_modules.base import TaggingModule
from lightning_modules.frontends.base import FrontEnd, SpectrogramCache
from lightning_modules.inputs import windows_per_pass

Audio = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

MAX_WINDOWS = 16
"""Windows in one batch at most; long windows have fewer, see `windows_per_pass`."""

_PLAIN = (bool, int, float, str, tuple, type(None))


def batch_size(window: int) -> int:
    """Return the number of windows of ``window`` samples that one forward pass takes."""
    return min(MAX_WINDOWS, windows_per_pass(window))


def forward(module: TaggingModule, windows: Tensor) -> Float64:
    """Return the probabilities (B, C) of one batch of windows (B, T).

    Args:
        module: Model in evaluation mode.
        windows: At most `batch_size` windows, on the device of the model.
    """
    with torch.inference_mode():
        return module.probabilities(module(windows)).double().cpu().numpy()


def predict_windows(module: TaggingModule, audio: Audio, starts: Int64) -> Float64:
    """Return the probabilities (W, C) of windows of one track.

    Args:
        module: Model in evaluation mode, on its device.
        audio: Samples (T,) at the model's rate; repeated where shorter than a window.
        starts: First samples (W,) of the windows.
    """
    window = module.input_samples
    rows = []
    for first in range(0, len(starts), batch_size(window)):
        windows = cut(audio, starts[first : first + batch_size(window)], window)
        rows.append(forward(module, torch.from_numpy(windows).to(module.device)))
    return np.concatenate(rows)


def predict_track(module: TaggingModule, audio: Audio, windowing: Windowing) -> Float64:
    """Return the mean probabilities (C,) over the windows of one track.

    Args:
        module: Model in evaluation mode, on its device.
        audio: Samples (T,) at the model's rate.
        windowing: Protocol that places the windows.
    """
    runner = ModelRunner.of(module)
    batcher = WindowBatcher([runner], windowing)
    runner.start(1)
    batcher.add(0, audio)
    batcher.finish()
    return runner.means()[0]


@dataclass
class ModelRunner:
    """A model and the sums of its predictions over the windows of each track.

    Attributes:
        train_id: Id of the training cell, or another name.
        module: Model in evaluation mode, on ``device``.
        rate: Sample rate in Hz.
        window: Window length in samples.
        device: Device of the model.
        columns: Outputs of the model that stand for ``tags``, int64 (K,).
        tags: Names (K,): those of the corpus in its order, or all tags of the model where the
            corpus has none.
        sums: Sums of probabilities (tracks, K).
        counts: Number of windows of each track (tracks,).
    """

    train_id: str
    module: TaggingModule
    rate: int
    window: int
    device: torch.device
    columns: Int64
    tags: tuple[str, ...]
    sums: Float64 = field(default_factory=lambda: np.zeros((0, 0)))
    counts: Int64 = field(default_factory=lambda: np.zeros(0, np.int64))

    @classmethod
    def of(cls, module: TaggingModule) -> ModelRunner:
        """Run a model by itself, with all its outputs."""
        outputs = np.arange(module.n_tags)
        names = tuple(str(output) for output in outputs)
        rate, window = module.sample_rate, module.input_samples
        return cls(type(module).__name__, module, rate, window, module.device, outputs, names)

    def start(self, n_tracks: int) -> None:
        """Reset the sums for ``n_tracks`` tracks."""
        self.sums = np.zeros((n_tracks, len(self.columns)))
        self.counts = np.zeros(n_tracks, np.int64)

    def run(self, windows: Tensor, track_index: Int64) -> None:
        """Add the probabilities of windows (B, T) to the sums of their tracks (B,)."""
        np.add.at(self.sums, track_index, forward(self.module, windows)[:, self.columns])
        np.add.at(self.counts, track_index, 1)

    def means(self) -> Float64:
        """Return the mean probabilities (tracks, K)."""
        return self.sums / self.counts[:, None]

    def scores(self) -> NDArray[np.float32]:
        """Return the mean probabilities (tracks, K) in float32, as they are stored."""
        return self.means().astype(np.float32)


class WindowBatcher:
    """Cut tracks into windows, and run several models on batches of them.

    Args:
        runners: One or more models of one sample rate, window length and device.
        windowing: Protocol that places the windows.
    """

    def __init__(self, runners: Sequence[ModelRunner], windowing: Windowing) -> None:
        self.runners, self.windowing = runners, windowing
        first = runners[0]
        self.rate, self.window, self.device = first.rate, first.window, first.device
        self.batch_size = batch_size(first.window)
        self._equal = equal_front_ends(runners)
        self._windows: list[Audio] = []
        self._track_index: list[int] = []

    def add(self, track: int, audio: Audio) -> None:
        """Cut the samples (T,) of a track, and run the models on every full batch."""
        starts = window_starts(len(audio), self.window, self.windowing)
        pieces = cut(audio, starts, self.window)
        self._windows.extend(pieces)
        self._track_index.extend([track] * len(pieces))
        while len(self._windows) >= self.batch_size:
            self._run()

    def finish(self) -> None:
        """Run the models on the remaining windows."""
        while self._windows:
            self._run()

    def _run(self) -> None:
        size = self.batch_size
        windows = torch.from_numpy(np.stack(self._windows[:size])).to(self.device)
        track_index = np.asarray(self._track_index[:size])
        del self._windows[:size], self._track_index[:size]
        with shared_front_ends(self._equal):
            for runner in self.runners:
                runner.run(windows, track_index)


def group_by_windows(runners: Iterable[ModelRunner], windowing: Windowing) -> list[WindowBatcher]:
    """Group models by sample rate, window length and device, in the order of their first model."""
    groups: dict[tuple[int, int, torch.device], list[ModelRunner]] = {}
    for runner in runners:
        groups.setdefault((runner.rate, runner.window, runner.device), []).append(runner)
    return [WindowBatcher(group, windowing) for group in groups.values()]


@contextmanager
def shared_front_ends(groups: Iterable[Sequence[FrontEnd]]) -> Iterator[None]:
    """Let the front ends of a group compute the spectrogram of a batch once, within the block.

    Args:
        groups: Front ends that give equal maps, see `equal_front_ends`.
    """
    groups = list(groups)
    try:
        for group in groups:
            cache = SpectrogramCache()
            for front_end in group:
                front_end.cache = cache
        yield
    finally:
        for group in groups:
            for front_end in group:
                front_end.cache = None


def equal_front_ends(runners: Iterable[ModelRunner]) -> list[list[FrontEnd]]:
    """Group fixed front ends that two or more models have in common.

    Front ends are equal if they have one class, the same settings and bitwise equal constants:
    they give bitwise equal maps.
    """
    groups: dict[bytes, list[FrontEnd]] = {}
    for runner in runners:
        for child in runner.module.children():
            if isinstance(child, FrontEnd) and not list(child.parameters()):
                groups.setdefault(_fingerprint(child), []).append(child)
    return [group for group in groups.values() if len(group) > 1]


def _fingerprint(front_end: FrontEnd) -> bytes:
    digest = hashlib.sha256()
    for name, child in front_end.named_modules():
        plain = {k: v for k, v in vars(child).items() if isinstance(v, _PLAIN)}
        digest.update(repr((name, type(child).__qualname__, sorted(plain.items()))).encode())
    for name, value in front_end.named_buffers():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.digest()
