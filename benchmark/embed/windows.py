"""Embeddings of the windows of a track, and their means.

A track is embedded by itself: no value depends on the tracks before or after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.predict.inference import Audio, Float64, batch_size
from datamodules.common.errors import unknown_name
from datamodules.loaders.windowing import Windowing, cut, window_starts
from datamodules.views.base import View
from datamodules.views.waveform import Waveform
from lightning_modules.base import TaggingModule

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class TrackRows:
    """The rows of one track in a table of embeddings.

    Attributes:
        starts: Start of each row in the track (R,), in seconds.
        durations: Length of audio that each row describes (R,), in seconds.
        vectors: Embeddings (R, D) of each layer.
    """

    starts: Float64
    durations: Float64
    vectors: Mapping[str, Float32]

    @property
    def is_finite(self) -> bool:
        """Whether no value is NaN or infinite."""
        return all(bool(np.isfinite(rows).all()) for rows in self.vectors.values())


def input_view(module: TaggingModule) -> View:
    """Return what a model sees of a track: its view, or the samples."""
    return module.view or Waveform(module.sample_rate)


def chosen_layers(module: TaggingModule, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the layers to read, in the order of the model.

    Args:
        module: The model.
        wanted: Names of layers; ``all`` stands for each of them, and no name for the last.

    Raises:
        TagbenchError: The model has no such layer.
    """
    names = module.layer_names
    for name in wanted:
        if name not in (*names, "all"):
            raise unknown_name("layer", name, names, "--layer")
    if not wanted:
        return names[-1:]
    return names if "all" in wanted else tuple(name for name in names if name in wanted)


def embed_windows(
    module: TaggingModule, windows: Iterable[Audio], layers: Sequence[str]
) -> dict[str, Float32]:
    """Return the embeddings (W, D) of windows from each of some layers.

    Args:
        module: Model in evaluation mode, on its device.
        windows: W windows of one shape: samples (T,) at the model's rate, or rows (T, width) of its
            view.
        layers: Names of layers.
    """
    parts: dict[str, list[Float32]] = {name: [] for name in layers}
    for batch in _batches(windows):
        with torch.inference_mode():
            outputs = module.embed_layers(torch.from_numpy(batch).to(module.device))
        for name in layers:
            parts[name].append(outputs[name].float().cpu().numpy())
    return {name: np.concatenate(rows) for name, rows in parts.items()}


def _batches(windows: Iterable[Audio]) -> Iterator[Audio]:
    waiting: list[Audio] = []
    for window in windows:
        waiting.append(window)
        if len(waiting) >= batch_size(window.size):
            yield np.stack(waiting)
            waiting = []
    if waiting:
        yield np.stack(waiting)


def embed_track(
    module: TaggingModule,
    values: Audio,
    seconds: float,
    windowing: Windowing,
    layers: Sequence[str],
    *,
    per_window: bool = False,
) -> TrackRows:
    """Embed one track: the mean over its windows, or each of its windows.

    Args:
        module: Model in evaluation mode, on its device.
        values: Samples (T,) at the model's rate, or rows (T, width) of its view.
        seconds: Length of the track.
        windowing: Protocol that places the windows.
        layers: Names of layers.
        per_window: Whether each window is a row.
    """
    starts = window_starts(len(values), module.input_samples, windowing)
    vectors = embed_windows(module, cut(values, starts, module.input_samples), layers)
    if not per_window:
        means = {
            name: rows.mean(0, dtype=np.float64, keepdims=True).astype(np.float32)
            for name, rows in vectors.items()
        }
        return TrackRows(np.zeros(1), np.array([seconds]), means)
    per_row = input_view(module).seconds_per_row
    if per_row is None:  # a row of the view describes the whole track
        return TrackRows(np.zeros(len(starts)), np.full(len(starts), seconds), vectors)
    covered = min(module.input_samples * per_row, seconds)
    return TrackRows(starts.astype(np.float64) * per_row, np.full(len(starts), covered), vectors)
