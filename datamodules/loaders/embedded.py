"""Batches of embeddings in place of audio, and the windows from which they are computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import Float32
from datamodules.loaders.batch import Batch, SplitReader, WindowSpec, whole_batch
from datamodules.loaders.batch_plan import BatchPlan, Draw, EpochBatches, group_by_total
from datamodules.loaders.evaluation_windows import EvaluationWindows
from datamodules.loaders.start_method import start_method
from datamodules.loaders.training_crops import TrainingCrops
from datamodules.loaders.windowing import Int64, Windowing

_WINDOWS_AT_ONCE = 64


def training_windows(
    corpus: Corpus, spec: WindowSpec, seed: int, crops: int, workers: int
) -> DataLoader[Batch]:
    """Return random windows of all training tracks, in the order of the split.

    Args:
        corpus: A prepared corpus.
        spec: Window of the model.
        seed: Seed of their positions, which are those of the first epoch of a training.
        crops: Windows of each track.
        workers: Number of processes that load data; 0 loads in this process.
    """
    windows = TrainingCrops(corpus, spec, seed)
    groups = group_by_total([crops] * len(windows), _WINDOWS_AT_ONCE)
    draws = [
        [Draw(0, position, number) for position in group for number in range(crops)]
        for group in groups
    ]
    return _read_by(workers, windows, batch_sampler=draws)


def validation_windows(
    corpus: Corpus, spec: WindowSpec, windowing: Windowing, workers: int
) -> DataLoader[Batch]:
    """Return the windows of all validation tracks, in the order of the split.

    Args:
        corpus: A prepared corpus.
        spec: Window of the model.
        windowing: Which windows of each track.
        workers: Number of processes that load data; 0 loads in this process.
    """
    windows = EvaluationWindows(corpus, "valid", spec, windowing, _WINDOWS_AT_ONCE)
    return _read_by(workers, windows, batch_size=None)


def _read_by(workers: int, windows: Dataset[Batch], **options: Any) -> DataLoader[Batch]:
    return DataLoader(
        windows,
        num_workers=workers,
        multiprocessing_context=start_method(workers),
        collate_fn=whole_batch,
        **options,
    )


class EmbeddedCrops(Dataset[Batch]):
    """Embeddings of training crops; epoch ``e`` reads crop ``e % K`` of each track.

    Args:
        corpus: A prepared corpus.
        features: Embeddings of K crops of each track, float32 of shape ``(N, K, D)``.
    """

    def __init__(self, corpus: Corpus, features: Float32) -> None:
        self._reader = SplitReader(corpus, "train")
        self._features = features

    def __getitems__(self, draws: Sequence[Draw]) -> Batch:
        """Return a whole batch."""
        positions = [draw.position for draw in draws]
        numbers = [draw.epoch % self._features.shape[1] for draw in draws]
        rows = self._features[positions, numbers]
        return self._reader.batch(positions, rows, range(len(draws)), "embeddings")

    def __getitem__(self, draw: Draw) -> Batch:
        return self.__getitems__([draw])


class EmbeddedWindows(Dataset[Batch]):
    """Embeddings of the windows of whole validation tracks. Item ``i`` is a complete batch.

    Args:
        corpus: A prepared corpus.
        features: Embeddings, float32 of shape ``(W, D)``.
        track_index: Position in the split of the track of each window, ``(W,)``, ascending.
        rank: Which share of the batches this process reads: batches ``rank::world``.
        world: Number of processes that share the split. A process without a share gets one batch
            of no tracks.
    """

    def __init__(
        self, corpus: Corpus, features: Float32, track_index: Int64, rank: int, world: int
    ) -> None:
        self._reader = SplitReader(corpus, "valid")
        self._features = features
        counts = np.bincount(track_index, minlength=len(self._reader))
        self._ends = np.cumsum(counts)
        self._counts = counts
        self._groups = list(group_by_total(counts.tolist(), _WINDOWS_AT_ONCE))[rank::world] or [[]]

    def __len__(self) -> int:
        return len(self._groups)

    def __getitem__(self, index: int) -> Batch:
        group = self._groups[index]
        if not group:
            return self._reader.batch([], self._features[:0], [], "embeddings")
        first = self._ends[group[0]] - self._counts[group[0]]
        rows = self._features[first : self._ends[group[-1]]]
        track_index = np.repeat(np.arange(len(group)), self._counts[group])
        return self._reader.batch(group, rows, track_index.tolist(), "embeddings")


def embedded_crops(
    corpus: Corpus, features: Float32, plan: BatchPlan, epoch: Callable[[], int]
) -> DataLoader[Batch]:
    """Return training batches of embeddings.

    Args:
        corpus: A prepared corpus.
        features: See `EmbeddedCrops`.
        plan: Which tracks form a batch.
        epoch: Returns the epoch at the start of each pass.
    """
    return DataLoader(
        EmbeddedCrops(corpus, features),
        batch_sampler=EpochBatches(plan, epoch),
        collate_fn=whole_batch,
        generator=torch.Generator().manual_seed(0),
    )


def embedded_windows(
    corpus: Corpus, features: Float32, track_index: Int64, rank: int = 0, world: int = 1
) -> DataLoader[Batch]:
    """Return validation batches of embeddings; see `EmbeddedWindows` for the arguments."""
    windows = EmbeddedWindows(corpus, features, track_index, rank, world)
    return DataLoader(
        windows,
        batch_size=None,
        collate_fn=whole_batch,
        generator=torch.Generator().manual_seed(0),
    )
