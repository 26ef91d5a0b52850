"""Sources of windows: the audio of a split, or the stored rows of a view of it."""

from __future__ import annotations

import math
from typing import Literal, Protocol

import numpy as np

from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.stored_audio import StoredAudio
from datamodules.corpus.track import Float32
from datamodules.loaders.batch import WindowSpec
from datamodules.loaders.windowing import Windowing, cut, train_start, window_starts
from datamodules.views.resample import at_rate
from datamodules.views.rows import StoredRows


class WindowSource(Protocol):
    """Reads windows of the tracks of one split."""

    @property
    def kind(self) -> Literal["audio", "features"]:
        """Name of the windows in a batch."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a window."""

    def count(self, position: int, windowing: Windowing) -> int:
        """Return how many windows a track has in evaluation."""

    def windows(self, position: int, windowing: Windowing) -> Float32:
        """Return the windows of a track in evaluation, float32 ``(windows, *shape)``."""

    def fill(
        self, out: Float32, position: int, seed: int, epoch: int, key: tuple[str, int]
    ) -> None:
        """Write a random window of a track to ``out``.

        Args:
            out: float32 of shape ``shape``.
            position: Position of the track in the split.
            seed: Seed of the training.
            epoch: Number of the epoch.
            key: Id of the track, and number of the window.
        """


class AudioWindows:
    """Windows of the samples of tracks.

    At the sample rate of the corpus only the windows are read, not the audio between them.

    Args:
        stored: Audio of the tracks.
        rate: Its sample rate in Hz.
        spec: Window of the model.
    """

    kind: Literal["audio"] = "audio"

    def __init__(self, stored: StoredAudio, rate: int, spec: WindowSpec) -> None:
        self._stored, self._rate, self._spec = stored, rate, spec
        self.shape = (spec.window,)
        # Enough to give at least one window after resampling.
        self._needed = math.ceil(spec.window * rate / spec.sample_rate)

    def count(self, position: int, windowing: Windowing) -> int:
        """Return how many windows a track has in evaluation."""
        length = int(self._stored.samples[position]) * self._spec.sample_rate // self._rate
        return len(window_starts(max(1, length), self._spec.window, windowing))

    def windows(self, position: int, windowing: Windowing) -> Float32:
        """Return the windows of a track in evaluation, float32 ``(windows, window)``."""
        stored, rate, size = self._stored, self._rate, self._spec.window
        samples = int(stored.samples[position])
        starts = window_starts(samples, size, windowing)
        within = starts[0] >= 0 and starts[-1] + size <= samples
        if rate == self._spec.sample_rate and within:
            return np.stack([stored.window(position, int(start), size) for start in starts])
        # Resampling a window alone would change its edges, so the whole track is resampled.
        audio = at_rate(stored.window(position, 0, samples), rate, self._spec.sample_rate)
        return cut(audio, window_starts(len(audio), size, windowing), size)

    def fill(
        self, out: Float32, position: int, seed: int, epoch: int, key: tuple[str, int]
    ) -> None:
        """Write a random window of a track to ``out``, float32 ``(window,)``."""
        stored, rate = self._stored, self._rate
        samples = int(stored.samples[position])
        length = min(samples, self._needed)
        start = train_start(samples, self._needed, seed, epoch, *key)
        if length == len(out) and rate == self._spec.sample_rate:
            integers, scale = stored.raw(position, start, length)
            out[:] = integers  # conversion, then scaling: half the time of one mixed product
            out *= scale
            return
        audio = at_rate(stored.window(position, start, length), rate, self._spec.sample_rate)
        out[:] = audio[: len(out)] if len(audio) >= len(out) else np.resize(audio, len(out))


class RowWindows:
    """Windows of the stored rows of a view.

    Args:
        stored: Rows of the tracks.
        window: Rows in a window.
    """

    kind: Literal["features"] = "features"

    def __init__(self, stored: StoredRows, window: int) -> None:
        self._stored = stored
        self.shape = (window, stored.width)

    def count(self, position: int, windowing: Windowing) -> int:
        """Return how many windows a track has in evaluation."""
        return len(window_starts(int(self._stored.lengths[position]), self.shape[0], windowing))

    def windows(self, position: int, windowing: Windowing) -> Float32:
        """Return the windows of a track in evaluation, float32 ``(windows, window, width)``."""
        rows, size = self._stored.track(position), self.shape[0]
        return cut(rows, window_starts(len(rows), size, windowing), size)

    def fill(
        self, out: Float32, position: int, seed: int, epoch: int, key: tuple[str, int]
    ) -> None:
        """Write a random window of a track to ``out``, float32 ``(window, width)``."""
        length, size = int(self._stored.lengths[position]), self.shape[0]
        start = train_start(length, size, seed, epoch, *key)
        rows = self._stored.window(position, start, min(length, size))
        out[:] = rows if len(rows) == size else rows[np.arange(size) % len(rows)]


def window_source(corpus: Corpus, split: str, spec: WindowSpec) -> WindowSource:
    """Return the windows of a split that a model sees.

    Args:
        corpus: A prepared corpus.
        split: Name of the split.
        spec: Window of the model.

    Raises:
        TagbenchError: The view of the model has not been computed for the split.
    """
    rows = corpus.rows(split)
    if spec.view is None:
        return AudioWindows(corpus.stored_audio.take(rows), corpus.sample_rate, spec)
    if spec.view.sample_rate != spec.sample_rate:
        raise TagbenchError(f"The view {spec.view.name!r} does not take {spec.sample_rate} Hz.")
    return RowWindows(StoredRows.open(corpus, spec.view, rows), spec.window)
