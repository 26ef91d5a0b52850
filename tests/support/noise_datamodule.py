"""A data module over a small dataset of noise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Unpack

import torch

from datamodules.base import Batch, Loading, TaggingDataModule
from datamodules.corpus.track import Track
from tests.support.sources import TAGS, watched

WINDOW = 3000


class Noise(TaggingDataModule):
    """A dataset of noise with tags ``even``, ``odd`` and ``other``."""

    name = "noise"
    tags = TAGS
    licence: ClassVar[str] = "none"

    def __init__(
        self, *, count: int = 24, seconds: float = 0.3, **loading: Unpack[Loading]
    ) -> None:
        super().__init__(**loading)
        self.count = count
        self.seconds = seconds

    def build_manifest(self) -> Sequence[Track]:
        return watched(self.count, seconds=self.seconds)


class LouderNoise(Noise):
    """A subclass that adds a parameter and raises the revision."""

    revision: ClassVar[int] = 2

    def __init__(self, *, gain: float = 2.0, **rest: Any) -> None:
        super().__init__(**rest)
        self.gain = gain


def noise_data(root: Path, **options: Any) -> Noise:
    """Return a data module over the prepared corpus in ``root``."""
    data = Noise(**{"root": root, "window": WINDOW, "batch_size": 4, **options})
    data.setup("fit")
    return data


def set_epoch(data: TaggingDataModule, epoch: int) -> None:
    """Give the data module a trainer in this epoch."""
    data.trainer = SimpleNamespace(current_epoch=epoch)  # type: ignore[assignment]


def batches_equal(ours: Batch, theirs: Batch) -> bool:
    """Return whether two batches hold the same tracks, windows and targets."""
    return (
        ours["track_ids"] == theirs["track_ids"]
        and torch.equal(ours["audio"], theirs["audio"])
        and torch.equal(ours["targets"], theirs["targets"])
        and torch.equal(ours["track_index"], theirs["track_index"])
    )
