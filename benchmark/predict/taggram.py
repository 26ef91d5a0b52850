"""Taggram of a track: the probability of each tag over time, as a CSV file and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmark.predict.inference import predict_windows
from benchmark.predict.time_plots import heat_map, save_picture, time_edges, write_table
from datamodules.common.errors import TagbenchError
from datamodules.loaders.windowing import Windowing, musicnn_starts
from lightning_modules.base import TaggingModule

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class Taggram:
    """Probabilities of tags over the windows of a track.

    Attributes:
        tags: Names (C,).
        starts: Start of each window (W,), in seconds.
        window: Length of a window in seconds.
        seconds: Length of the track.
        scores: Probabilities (W, C).
    """

    tags: tuple[str, ...]
    starts: Float64
    window: float
    seconds: float
    scores: Float64


def hop_starts(samples: int, window: int, hop: int) -> Int64:
    """Return the first samples of windows every ``hop`` samples; the last window ends at the end.

    Args:
        samples: Length of the track.
        window: Length of a window in samples.
        hop: Distance between windows in samples.

    Returns:
        int64 of shape (W,), ascending, W >= 1.
    """
    room = max(samples - window, 0)
    starts = np.arange(0, room + 1, hop, dtype=np.int64)
    return starts if starts[-1] == room else np.append(starts, np.int64(room))


def taggram(
    module: TaggingModule,
    tags: Sequence[str],
    audio: NDArray[np.float32],
    hop_seconds: float | None = None,
    windowing: Windowing = Windowing(),  # noqa: B008  frozen
) -> Taggram:
    """Compute the taggram of a track.

    Args:
        module: Model in evaluation mode, on its device.
        tags: Names of its outputs (C,).
        audio: Samples (T,) at the model's rate.
        hop_seconds: Distance between windows; by default the length of a window.
        windowing: The protocol ``musicnn`` places windows by its rule, at any distance. Under the
            others the first window begins, and the last one ends, with the track.

    Raises:
        TagbenchError: The hop is shorter than a sample, or the model sees a view of the track.
    """
    if module.view is not None:
        raise TagbenchError(
            f"A taggram needs a model that sees the samples of a track; {type(module).__name__} "
            f"sees the view {module.view.name!r}."
        )
    rate, window = module.sample_rate, module.input_samples
    hop = None if hop_seconds is None else round(hop_seconds * rate)
    if hop is not None and hop < 1:
        raise TagbenchError(f"--hop-seconds must be above 0, got {hop_seconds}.")
    if windowing.protocol == "musicnn":
        starts = musicnn_starts(len(audio), window, hop)
    else:
        starts = hop_starts(len(audio), window, hop or window)
    scores = predict_windows(module, audio, starts)
    return Taggram(tuple(tags), starts.clip(0) / rate, window / rate, len(audio) / rate, scores)


def write_csv(gram: Taggram, path: Path) -> None:
    """Write one row for each window: its start in seconds, and the probability of each tag."""
    write_table(path, gram.tags, gram.starts, gram.scores)


def write_picture(gram: Taggram, path: Path, title: str, n_tags: int = 20) -> None:
    """Draw the ``n_tags`` tags with the highest mean probability as rows over time."""
    order = np.argsort(-gram.scores.mean(0), kind="stable")[:n_tags]
    figure = Figure(figsize=(9.0, 1.4 + 0.21 * len(order)), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    edges = time_edges(gram.starts + gram.window / 2, gram.seconds)
    heat_map(axes, edges, gram.scores[:, order].T, [gram.tags[at] for at in order], "probability")
    axes.set_xlabel("time (s)")
    axes.set_title(title, loc="left", fontsize=10)
    save_picture(figure, path)
