"""`TrainingCrops`: random windows for training, each a function of its key alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch.utils.data import Dataset

from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import Float32
from datamodules.loaders.augmentation import Augmentation
from datamodules.loaders.batch import Batch, SplitReader, WindowSpec, at_rate
from datamodules.loaders.batch_plan import Draw
from datamodules.loaders.windowing import train_start


class TrainingCrops(Dataset[Batch]):
    """Random windows of the tracks of one split, drawn from (seed, epoch, track id, number).

    Args:
        corpus: A prepared corpus.
        spec: Window of the model.
        seed: Seed of the positions.
        split: Name of the split.
        augmentation: Changes each window, from the same key; None changes none.
        keep_clean: Whether a batch also has the windows before augmentation, as ``clean``.
    """

    def __init__(
        self,
        corpus: Corpus,
        spec: WindowSpec,
        seed: int,
        split: str = "train",
        augmentation: Augmentation | None = None,
        keep_clean: bool = False,
    ) -> None:
        self._reader = SplitReader(corpus, split)
        self._spec = spec
        self._seed = seed
        self._augmentation = augmentation
        self._keep_clean = keep_clean
        # Enough to give at least one window after resampling.
        self._needed = math.ceil(spec.window * corpus.sample_rate / spec.sample_rate)

    def __len__(self) -> int:
        return len(self._reader)

    def __getitems__(self, draws: Sequence[Draw]) -> Batch:
        """Return a whole batch, whose windows are written straight into one array."""
        audio = np.empty((len(draws), self._spec.window), dtype=np.float32)
        for row, draw in zip(audio, draws, strict=True):
            self._fill(row, draw)
        positions = list(dict.fromkeys(draw[:2] for draw in draws))
        index = {track: at for at, track in enumerate(positions)}
        track_index = [index[draw[:2]] for draw in draws]
        batch = self._reader.batch([position for _, position in positions], audio, track_index)
        if self._augmentation is not None:
            if self._keep_clean:
                batch["clean"] = torch.from_numpy(audio.copy())
            for row, draw in zip(audio, draws, strict=True):
                row[:] = self._augmentation(row.copy(), self._spec.sample_rate, *self._key(draw))
        elif self._keep_clean:
            batch["clean"] = batch["audio"]
        return batch

    def __getitem__(self, draw: Draw) -> Batch:
        return self.__getitems__([draw])

    def _key(self, draw: Draw) -> tuple[int, int, str, int]:
        return (self._seed, draw.epoch, self._reader.track_id(draw.position), draw.number)

    def _fill(self, out: Float32, draw: Draw) -> None:
        stored, rate, position = self._reader.audio, self._reader.sample_rate, draw.position
        samples = int(stored.samples[position])
        length = min(samples, self._needed)
        start = train_start(samples, self._needed, *self._key(draw))
        if length == len(out) and rate == self._spec.sample_rate:
            integers, scale = stored.raw(position, start, length)
            out[:] = integers  # conversion, then scaling: half the time of one mixed product
            out *= scale
            return
        audio = at_rate(stored.window(position, start, length), rate, self._spec.sample_rate)
        out[:] = audio[: len(out)] if len(audio) >= len(out) else np.resize(audio, len(out))
