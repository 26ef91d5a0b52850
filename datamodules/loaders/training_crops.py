"""`TrainingCrops`: random windows for training, each a function of its key alone."""

from __future__ import annotations

import math

import numpy as np
from torch.utils.data import Dataset

from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import Float32
from datamodules.loaders.batch import Batch, SplitReader, WindowSpec, at_rate
from datamodules.loaders.batch_plan import Key
from datamodules.loaders.windowing import train_start


class TrainingCrops(Dataset[Batch]):
    """One random window of each training track, drawn from (seed, epoch, track id).

    Args:
        corpus: A prepared corpus.
        spec: Window of the model.
        seed: Seed of the positions.
    """

    def __init__(self, corpus: Corpus, spec: WindowSpec, seed: int) -> None:
        self._reader = SplitReader(corpus, "train")
        self._spec = spec
        self._seed = seed
        # Enough to give at least one window after resampling.
        self._needed = math.ceil(spec.window * corpus.sample_rate / spec.sample_rate)

    def __len__(self) -> int:
        return len(self._reader)

    def __getitems__(self, keys: list[Key]) -> Batch:
        """Return a whole batch, whose windows are written straight into one array."""
        audio = np.empty((len(keys), self._spec.window), dtype=np.float32)
        for row, key in zip(audio, keys, strict=True):
            self._fill(row, *key)
        return self._reader.batch([position for _, position in keys], audio, range(len(keys)))

    def __getitem__(self, key: Key) -> Batch:
        return self.__getitems__([key])

    def _fill(self, out: Float32, epoch: int, position: int) -> None:
        stored, rate = self._reader.audio, self._reader.sample_rate
        samples = int(stored.samples[position])
        length = min(samples, self._needed)
        track_id = self._reader.track_id(position)
        start = train_start(samples, self._needed, self._seed, epoch, track_id)
        if length == len(out) and rate == self._spec.sample_rate:
            integers, scale = stored.raw(position, start, length)
            out[:] = integers  # conversion, then scaling: half the time of one mixed product
            out *= scale
            return
        audio = at_rate(stored.window(position, start, length), rate, self._spec.sample_rate)
        out[:] = audio[: len(out)] if len(audio) >= len(out) else np.resize(audio, len(out))
