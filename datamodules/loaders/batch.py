"""The type `Batch` of all loaders, and helpers that the datasets of this package share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

import numpy as np
import torch

from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import Float32
from datamodules.views.base import View


class Batch(TypedDict):
    """A batch of W windows cut from N tracks with C classes.

    In training each track gives one window, or as many as the batch plan asks for. In evaluation a
    batch holds all windows of whole tracks. A batch has ``audio``, ``features`` or ``embeddings``.
    """

    audio: NotRequired[torch.Tensor]  # float32 (W, window), at the sample rate of the model
    features: NotRequired[torch.Tensor]  # float32 (W, window, width): rows of a view
    embeddings: NotRequired[torch.Tensor]  # float32 (W, D), in place of windows
    targets: torch.Tensor  # float32 (N, C), multi-hot
    track_ids: list[str]  # (N,)
    track_index: torch.Tensor  # int64 (W,): row of ``targets`` that a window belongs to
    clean: NotRequired[torch.Tensor]  # ``audio`` before augmentation, where a stage asks for both
    bag: NotRequired[torch.Tensor]  # int64 (N,): bag of each track, ascending from 0
    auxiliary: NotRequired[dict[str, torch.Tensor]]  # float32 (N, K) by target source; NaN: none
    anchors: NotRequired[torch.Tensor]  # int64 (W,): tag that a window was drawn for
    uniforms: NotRequired[torch.Tensor]  # float64 (W,): a random number below 1 for each window


@dataclass(frozen=True)
class WindowSpec:
    """Window of a model.

    Attributes:
        window: Length in samples, or in rows of the view.
        sample_rate: Sample rate of the model in Hz.
        view: View that the model sees in place of the samples.
    """

    window: int
    sample_rate: int
    view: View | None = None


class SplitReader:
    """Labels and identifiers of one split, without the other data of the corpus.

    Args:
        corpus: A prepared corpus.
        split: Name of the split.
    """

    def __init__(self, corpus: Corpus, split: str) -> None:
        rows = corpus.rows(split)
        self.targets = corpus.targets(split)
        self._ids = corpus.ids(rows)

    def __len__(self) -> int:
        return len(self.targets)

    def track_id(self, position: int) -> str:
        """Return the identifier of the track at a position in the split."""
        return str(self._ids[position].as_py())

    def batch(
        self,
        positions: Sequence[int],
        windows: Float32,
        track_index: Sequence[int],
        kind: Literal["audio", "features", "embeddings"] = "audio",
    ) -> Batch:
        """Return a batch of windows.

        Args:
            positions: Positions in the split of the N tracks.
            windows: Windows, float32 of shape ``(W, ...)``.
            track_index: Index into ``positions`` of each window.
            kind: What the windows are.
        """
        batch = self._labels(positions, track_index)
        batch[kind] = torch.from_numpy(windows)
        return batch

    def _labels(self, positions: Sequence[int], track_index: Sequence[int]) -> Batch:
        return Batch(
            targets=torch.from_numpy(self.targets[list(positions)].astype(np.float32)),
            track_ids=[self.track_id(position) for position in positions],
            track_index=torch.tensor(track_index, dtype=torch.int64),
        )


def whole_batch(batch: Any) -> Any:
    """Return a batch as it is: the collate function of datasets whose items are batches."""
    return batch
