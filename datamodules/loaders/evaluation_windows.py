"""`EvaluationWindows`: the windows of whole tracks, in batches of complete tracks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch.utils.data import Dataset

from datamodules.corpus.corpus import Corpus
from datamodules.loaders.batch import Batch, SplitReader, WindowSpec
from datamodules.loaders.batch_plan import group_by_total
from datamodules.loaders.window_source import window_source
from datamodules.loaders.windowing import Windowing


class EvaluationWindows(Dataset[Batch]):
    """All windows of a few tracks at a time. Item ``i`` is a complete batch.

    Args:
        corpus: A prepared corpus.
        split: Name of the split.
        spec: Window of the model.
        windowing: Which windows of each track.
        most: Largest number of windows in a batch; a unit with more is a batch of its own.
        rank: Which share of the batches this process reads: batches ``rank::world``.
        world: Number of processes that share the split. A process without a share gets one batch
            of no tracks.
        units: Positions of tracks that must be in one batch; by default each track is a unit.
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
        units: Sequence[Sequence[int]] | None = None,
    ) -> None:
        self._reader = SplitReader(corpus, split)
        self._source = window_source(corpus, split, spec)
        self._windowing = windowing
        units = [[position] for position in range(len(self._reader))] if units is None else units
        counts = [
            sum(self._source.count(position, windowing) for position in unit) for unit in units
        ]
        groups = [
            [position for unit in group for position in units[unit]]
            for group in group_by_total(counts, most)
        ]
        self._groups = groups[rank::world] or [[]]

    def __len__(self) -> int:
        return len(self._groups)

    def positions(self, index: int) -> Sequence[int]:
        """Return the positions in the split of the tracks of a batch."""
        return self._groups[index]

    def __getitem__(self, index: int) -> Batch:
        source, positions = self._source, self._groups[index]
        windows = [source.windows(position, self._windowing) for position in positions]
        counts = [len(track_windows) for track_windows in windows]
        track_index = np.repeat(np.arange(len(windows)), counts).tolist()
        empty = np.empty((0, *source.shape), dtype=np.float32)
        joined = np.concatenate(windows) if windows else empty
        return self._reader.batch(positions, joined, track_index, source.kind)
