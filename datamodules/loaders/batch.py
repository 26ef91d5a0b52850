"""The type `Batch` of all loaders, and helpers that the datasets of this package share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import numpy as np
import soxr
import torch

from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import Float32


class Batch(TypedDict):
    """A batch of W windows cut from N tracks with C classes.

    In training each track gives one window, or as many as the batch plan asks for. In evaluation a
    batch holds all windows of whole tracks. A batch has ``audio`` or ``features``.
    """

    audio: NotRequired[torch.Tensor]  # float32 (W, window), at the sample rate of the model
    targets: torch.Tensor  # float32 (N, C), multi-hot
    track_ids: list[str]  # (N,)
    track_index: torch.Tensor  # int64 (W,): row of ``targets`` that a window belongs to
    clean: NotRequired[torch.Tensor]  # ``audio`` before augmentation, where a stage asks for both
    features: NotRequired[torch.Tensor]  # float32 (W, D): embeddings of windows


@dataclass(frozen=True)
class WindowSpec:
    """Window of a model.

    Attributes:
        window: Length in samples.
        sample_rate: Sample rate of the model in Hz.
    """

    window: int
    sample_rate: int


class SplitReader:
    """Audio, labels and identifiers of one split, without the other data of the corpus.

    Args:
        corpus: A prepared corpus.
        split: Name of the split.
    """

    def __init__(self, corpus: Corpus, split: str) -> None:
        rows = corpus.rows(split)
        self.sample_rate = corpus.sample_rate
        self.audio = corpus.stored_audio.take(rows)
        self.targets = corpus.targets(split)
        self._ids = corpus.ids(rows)

    def __len__(self) -> int:
        return len(self.targets)

    def track_id(self, position: int) -> str:
        """Return the identifier of the track at a position in the split."""
        return str(self._ids[position].as_py())

    def batch(self, positions: Sequence[int], audio: Float32, track_index: Sequence[int]) -> Batch:
        """Return a batch of windows.

        Args:
            positions: Positions in the split of the N tracks.
            audio: Windows, float32 of shape ``(W, window)``.
            track_index: Index into ``positions`` of each window.
        """
        batch = self._labels(positions, track_index)
        batch["audio"] = torch.from_numpy(audio)
        return batch

    def features_batch(
        self, positions: Sequence[int], features: Float32, track_index: Sequence[int]
    ) -> Batch:
        """Return a batch of embeddings, float32 of shape ``(W, D)``, in place of windows."""
        batch = self._labels(positions, track_index)
        batch["features"] = torch.from_numpy(features)
        return batch

    def _labels(self, positions: Sequence[int], track_index: Sequence[int]) -> Batch:
        return Batch(
            targets=torch.from_numpy(self.targets[list(positions)].astype(np.float32)),
            track_ids=[self.track_id(position) for position in positions],
            track_index=torch.tensor(track_index, dtype=torch.int64),
        )


def at_rate(audio: Float32, stored_rate: int, wanted_rate: int) -> Float32:
    """Return ``audio`` of shape ``(T,)`` at another sample rate in Hz; at least one sample."""
    if stored_rate == wanted_rate:
        return audio
    resampled: Float32 = soxr.resample(audio, stored_rate, wanted_rate)
    return resampled if len(resampled) else audio[:1]


def whole_batch(batch: Any) -> Any:
    """Return a batch as it is: the collate function of datasets whose items are batches."""
    return batch
