"""`EvaluationWindows`: the windows of whole tracks, in batches of complete tracks."""

from __future__ import annotations

import numpy as np
from torch.utils.data import Dataset

from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import Float32
from datamodules.loaders.batch import Batch, SplitReader, WindowSpec, at_rate
from datamodules.loaders.batch_plan import group_by_total
from datamodules.loaders.windowing import Windowing, cut, window_starts


class EvaluationWindows(Dataset[Batch]):
    """All windows of a few tracks at a time. Item ``i`` is a complete batch.

    At the sample rate of the corpus only the windows are read, not the audio between them.

    Args:
        corpus: A prepared corpus.
        split: Name of the split.
        spec: Window of the model.
        windowing: Which windows of each track.
        most: Largest number of windows in a batch; a track with more is a batch of its own.
        rank: Which share of the batches this process reads: batches ``rank::world``.
        world: Number of processes that share the split. A process without a share gets one batch
            of no tracks.
    """

    def __init__(
        self,
        corpus: Corpus,
        split: str,
        spec: WindowSpec,
        windowing: Windowing,
        most: int,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self._reader = SplitReader(corpus, split)
        self._spec = spec
        self._windowing = windowing
        counts = [
            len(window_starts(self._length(int(samples)), spec.window, windowing))
            for samples in self._reader.audio.samples
        ]
        self._groups = list(group_by_total(counts, most))[rank::world] or [[]]

    def __len__(self) -> int:
        return len(self._groups)

    def __getitem__(self, index: int) -> Batch:
        positions = self._groups[index]
        windows = [self._windows(position) for position in positions]
        counts = [len(track_windows) for track_windows in windows]
        track_index = np.repeat(np.arange(len(windows)), counts).tolist()
        empty = np.empty((0, self._spec.window), dtype=np.float32)
        audio = np.concatenate(windows) if windows else empty
        return self._reader.batch(positions, audio, track_index)

    def _windows(self, position: int) -> Float32:
        """Return the windows of a track: float32 of shape ``(windows, window)``."""
        stored, rate, size = self._reader.audio, self._reader.sample_rate, self._spec.window
        samples = int(stored.samples[position])
        if rate == self._spec.sample_rate and samples >= size:
            starts = window_starts(samples, size, self._windowing)
            return np.stack([stored.window(position, int(start), size) for start in starts])
        # Resampling a window alone would change its edges, so the whole track is resampled.
        audio = at_rate(stored.window(position, 0, samples), rate, self._spec.sample_rate)
        return cut(audio, window_starts(len(audio), size, self._windowing), size)

    def _length(self, samples: int) -> int:
        return max(1, samples * self._spec.sample_rate // self._reader.sample_rate)
