"""`TrainingCrops`: random windows for training, each a function of its key alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import torch
from torch.utils.data import Dataset

from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import Float32
from datamodules.loaders.augmentation import Augmentation
from datamodules.loaders.batch import Batch, SplitReader, WindowSpec
from datamodules.loaders.batch_plan import Draw
from datamodules.loaders.window_source import window_source


class TrainingCrops(Dataset[Batch]):
    """Random windows of the tracks of one split, drawn from (seed, epoch, track id, number).

    Args:
        corpus: A prepared corpus.
        spec: Window of the model.
        seed: Seed of the positions.
        split: Name of the split.
        augmentation: Changes each window, from the same key; None changes none.
        keep_clean: Whether a batch also has the windows before augmentation, as ``clean``.
        auxiliary: Targets beyond tags of each track of the split (N, K), by their names.
    """

    def __init__(
        self,
        corpus: Corpus,
        spec: WindowSpec,
        seed: int,
        split: str = "train",
        augmentation: Augmentation | None = None,
        keep_clean: bool = False,
        auxiliary: Mapping[str, Float32] = MappingProxyType({}),
    ) -> None:
        self._reader = SplitReader(corpus, split)
        self._source = window_source(corpus, split, spec)
        self._sample_rate = spec.sample_rate
        self._seed = seed
        self._augmentation = augmentation
        self._keep_clean = keep_clean
        self._auxiliary = dict(auxiliary)
        if augmentation is not None and self._source.kind != "audio":
            raise TagbenchError(
                "An augmentation changes audio, and this model sees a view of each track that is "
                "computed once. Remove the augmentation from its stage."
            )

    def __len__(self) -> int:
        return len(self._reader)

    def __getitems__(self, draws: Sequence[Draw]) -> Batch:
        """Return a whole batch, whose windows are written straight into one array."""
        source = self._source
        windows = np.empty((len(draws), *source.shape), dtype=np.float32)
        for out, draw in zip(windows, draws, strict=True):
            key = (self._reader.track_id(draw.position), draw.number)
            source.fill(out, draw.position, self._seed, draw.epoch, key)
        positions = list(dict.fromkeys(draw[:2] for draw in draws))
        index = {track: at for at, track in enumerate(positions)}
        track_index = [index[draw[:2]] for draw in draws]
        tracks = [position for _, position in positions]
        batch = self._reader.batch(tracks, windows, track_index, source.kind)
        if self._auxiliary:
            batch["auxiliary"] = {
                name: torch.from_numpy(rows[tracks]) for name, rows in self._auxiliary.items()
            }
        if self._augmentation is not None:
            if self._keep_clean:
                batch["clean"] = torch.from_numpy(windows.copy())
            for row, draw in zip(windows, draws, strict=True):
                row[:] = self._augmentation(row.copy(), self._sample_rate, *self._key(draw))
        elif self._keep_clean:
            batch["clean"] = batch[source.kind]
        return batch

    def __getitem__(self, draw: Draw) -> Batch:
        return self.__getitems__([draw])

    def _key(self, draw: Draw) -> tuple[int, int, str, int]:
        return (self._seed, draw.epoch, self._reader.track_id(draw.position), draw.number)
