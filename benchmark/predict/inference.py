"""Run models over the windows of tracks, and combine the outputs for the windows of each track.

Models that need the same windows share them, models with equal front ends share their
spectrograms, and models on one encoder share its vectors. How windows are grouped into batches
depends on one model alone, so that no score depends on the other models.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.predict.shared_encoders import heads_by_encoder, shared_vectors
from datamodules.loaders.windowing import Windowing, cut, window_starts
from datamodules.views.base import View
from datamodules.views.waveform import Waveform
from lightning_modules.base import TaggingModule
from lightning_modules.frontends.base import FrontEnd, SpectrogramCache
from lightning_modules.inputs import windows_per_pass

Audio = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

MAX_WINDOWS = 16
"""Windows in one batch at most; long windows have fewer, see `windows_per_pass`."""

_PLAIN = (bool, int, float, str, tuple, type(None))


def batch_size(values: int) -> int:
    """Return the number of windows of ``values`` numbers that one forward pass takes."""
    return min(MAX_WINDOWS, windows_per_pass(values))


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
        audio: Samples (T,) at the model's rate, or rows (T, width) of its view; repeated where
            shorter than a window.
        starts: First samples or rows (W,) of the windows.
    """
    window = module.input_samples
    size = batch_size(window * audio[:1].size)
    rows = []
    for first in range(0, len(starts), size):
        windows = cut(audio, starts[first : first + size], window)
        rows.append(forward(module, torch.from_numpy(windows).to(module.device)))
    return np.concatenate(rows)


def predict_track(module: TaggingModule, audio: Audio, windowing: Windowing) -> Float64:
    """Return the probabilities (C,) of one track, by default the means over its windows.

    Args:
        module: Model in evaluation mode, on its device.
        audio: Samples (T,) at the model's rate.
        windowing: Protocol that places the windows.
    """
    runner = ModelRunner.of(module)
    batcher = WindowBatcher([runner], windowing)
    runner.start(1)
    batcher.add(0, runner.view.compute(audio))
    batcher.finish()
    return runner.means()[0]


@dataclass
class ModelRunner:
    """A model and what is kept of its outputs for the windows of each track.

    The probabilities are summed up as they come. A model with its own `TaggingModule.aggregate`
    keeps the outputs of all windows.

    Attributes:
        train_id: Id of the training cell, or another name.
        module: Model in evaluation mode, on ``device``.
        view: What the model sees of a track.
        window: Window length in samples, or in rows of the view.
        device: Device of the model.
        columns: Outputs of the model that stand for ``tags``, int64 (K,).
        tags: Names (K,): those of the corpus that the model knows, in its order, or all tags of
            the model where the corpus has none.
        sums: Sums of probabilities (tracks, K).
        counts: Number of windows of each track (tracks,).
        outputs: Outputs of batches of windows (B, D), and the tracks of the windows (B,).
    """

    train_id: str
    module: TaggingModule
    view: View
    window: int
    device: torch.device
    columns: Int64
    tags: tuple[str, ...]
    sums: Float64 = field(default_factory=lambda: np.zeros((0, 0)))
    counts: Int64 = field(default_factory=lambda: np.zeros(0, np.int64))
    outputs: list[tuple[Tensor, Int64]] = field(default_factory=list)

    @classmethod
    def of(cls, module: TaggingModule) -> ModelRunner:
        """Run a model by itself, with all its outputs."""
        outputs = np.arange(module.n_tags)
        names = tuple(str(output) for output in outputs)
        view = module.view or Waveform(module.sample_rate)
        size = module.input_samples
        return cls(type(module).__name__, module, view, size, module.device, outputs, names)

    def start(self, n_tracks: int) -> None:
        """Forget all outputs; the next ones belong to ``n_tracks`` tracks."""
        self.sums = np.zeros((n_tracks, len(self.columns)))
        self.counts = np.zeros(n_tracks, np.int64)
        self.outputs = []

    def run(self, windows: Tensor, track_index: Int64) -> None:
        """Add the outputs for windows (B, ...) to those of their tracks (B,)."""
        np.add.at(self.counts, track_index, 1)
        if self.module.custom_aggregate:
            with torch.inference_mode():
                outputs = self.module.window_outputs(windows).float().cpu()
            self.outputs.append((outputs, track_index))
            return
        np.add.at(self.sums, track_index, forward(self.module, windows)[:, self.columns])

    def means(self, bags: Int64 | None = None) -> Float64:
        """Return the probabilities (tracks, K), by default the means over the windows of a track.

        Args:
            bags: Bag of each track (tracks,), from 0 without gaps. The probabilities of a bag are
                those of each of its tracks. None makes each track a bag.
        """
        if not self.module.custom_aggregate:
            return self.sums / self.counts[:, None]
        of_track = np.arange(len(self.counts)) if bags is None else bags
        with torch.inference_mode():
            scores = self.module.aggregate(*self._joined(of_track), int(of_track.max()) + 1)
        return scores.double().cpu().numpy()[of_track][:, self.columns]

    def scores(self, bags: Int64 | None = None) -> NDArray[np.float32]:
        """Return `means` in float32, as they are stored."""
        return self.means(bags).astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return further results of each track (tracks, ...), see `TaggingModule.track_arrays`."""
        if not self.module.custom_aggregate:
            return {}
        joined = self._joined(np.arange(len(self.counts)))
        with torch.inference_mode():
            arrays = self.module.track_arrays(*joined, len(self.counts))
        return {name: values.cpu().numpy() for name, values in arrays.items()}

    def _joined(self, of_track: Int64) -> tuple[Tensor, Tensor]:
        """Return the outputs of all windows (W, D), and the bag of each (W,)."""
        outputs = torch.cat([batch for batch, _ in self.outputs]).to(self.device)
        tracks = np.concatenate([index for _, index in self.outputs])
        return outputs, torch.from_numpy(of_track[tracks]).to(self.device)


class WindowBatcher:
    """Cut tracks into windows, and run several models on batches of them.

    Args:
        runners: One or more models of one view, window length and device.
        windowing: Protocol that places the windows.
    """

    def __init__(self, runners: Sequence[ModelRunner], windowing: Windowing) -> None:
        self.runners, self.windowing = runners, windowing
        first = runners[0]
        self.view, self.window, self.device = first.view, first.window, first.device
        self.batch_size = batch_size(first.window * first.view.width)
        self._equal = equal_front_ends(runners)
        self._heads = heads_by_encoder(runner.module for runner in runners)
        self._windows: list[Audio] = []
        self._track_index: list[int] = []

    def add(self, track: int, values: Audio) -> None:
        """Cut the samples (T,) or rows of a track, and run the models on every full batch."""
        starts = window_starts(len(values), self.window, self.windowing)
        pieces = cut(values, starts, self.window)
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
        with shared_front_ends(self._equal), shared_vectors(self._heads):
            for runner in self.runners:
                runner.run(windows, track_index)


def group_by_windows(runners: Iterable[ModelRunner], windowing: Windowing) -> list[WindowBatcher]:
    """Group models by view, window length and device, in the order of their first model."""
    groups: dict[tuple[View, int, torch.device], list[ModelRunner]] = {}
    for runner in runners:
        groups.setdefault((runner.view, runner.window, runner.device), []).append(runner)
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
