"""Bags of tracks, such as those of an album, and batches of whole bags."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from datamodules.common.seeding import rng_for
from datamodules.corpus.corpus import Corpus, Int64
from datamodules.loaders.batch import Batch
from datamodules.loaders.batch_plan import BatchPlan, Draw
from datamodules.loaders.evaluation_windows import EvaluationWindows
from datamodules.loaders.training_crops import TrainingCrops


def label_bags(corpus: Corpus, split: str, by: Sequence[str]) -> Int64:
    """Return the bag of each track of a split, int64 (N,); all tracks of a bag have equal labels.

    Args:
        corpus: A prepared corpus.
        split: Name of the split.
        by: Columns whose values the tracks of a bag share beside their labels; see `Corpus.bags`.
    """
    labels = corpus.targets(split)
    numbers: dict[tuple[int, bytes], int] = {}
    keys = zip(corpus.bags(split, by).tolist(), (row.tobytes() for row in labels), strict=True)
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def members_of(bags: Int64) -> list[list[int]]:
    """Return the positions of the tracks of each bag, from the bag of each track (N,)."""
    members: list[list[int]] = [[] for _ in range(int(bags.max(initial=-1)) + 1)]
    for position, bag in enumerate(bags.tolist()):
        members[bag].append(position)
    return members


@dataclass(frozen=True)
class BagPlan:
    """Batches of bags, a function of the arguments alone; see `BatchPlan`.

    Each epoch has an order of the bags drawn from (seed, epoch), of which an incomplete last batch
    is left out. Every track of a bag gives one crop. Of a bag with more than ``most`` tracks,
    others are drawn in each epoch.

    Args:
        members: Positions of the tracks of each bag.
        batch_size: Bags in a batch, over all ranks.
        seed: Seed of the order.
        most: Largest number of tracks of a bag in a batch; None for all.
        rank: Which share of each batch this process reads: bags ``rank::world``.
        world: Number of processes that share each batch.

    Raises:
        TagbenchError: A batch cannot be divided evenly among the processes.
    """

    members: Sequence[Sequence[int]]
    batch_size: int
    seed: int
    most: int | None = None
    rank: int = 0
    world: int = 1

    def __post_init__(self) -> None:
        len(self)  # checks that a batch can be divided

    @property
    def _bags(self) -> BatchPlan:
        """The plan of the bags, as if each were a track."""
        share = {"rank": self.rank, "world": self.world}
        return BatchPlan(len(self.members), self.batch_size, self.seed, **share)

    def __len__(self) -> int:
        return len(self._bags)

    def batches(self, epoch: int) -> Iterator[list[Draw]]:
        """Yield the crops of each batch of an epoch that this rank reads, bag by bag."""
        for batch in self._bags.batches(epoch):
            yield [
                Draw(draw.epoch, position)
                for draw in batch
                for position in self._tracks(draw.epoch, draw.position)
            ]

    def _tracks(self, epoch: int, bag: int) -> Sequence[int]:
        tracks = self.members[bag]
        if self.most is None or len(tracks) <= self.most:
            return tracks
        drawn = rng_for("bag", self.seed, epoch, bag).permutation(len(tracks))[: self.most]
        return [tracks[at] for at in sorted(drawn.tolist())]


class BagCrops(Dataset[Batch]):
    """Random windows of the tracks of bags; a batch states the bag of each track.

    Args:
        crops: Windows of the tracks.
        bags: Bag of each track of the split, int64 (N,).
    """

    def __init__(self, crops: TrainingCrops, bags: Int64) -> None:
        self._crops = crops
        self._bags = bags

    def __getitems__(self, draws: Sequence[Draw]) -> Batch:
        """Return a whole batch."""
        batch = self._crops.__getitems__(draws)
        tracks = list(dict.fromkeys(draw[:2] for draw in draws))
        batch["bag"] = _numbered(self._bags[[position for _, position in tracks]])
        return batch

    def __getitem__(self, draw: Draw) -> Batch:
        return self.__getitems__([draw])


class BagWindows(Dataset[Batch]):
    """All windows of the tracks of a few whole bags. Item ``i`` is a complete batch.

    Args:
        windows: Windows of the tracks, in batches of whole bags.
        bags: Bag of each track of the split, int64 (N,).
    """

    def __init__(self, windows: EvaluationWindows, bags: Int64) -> None:
        self._windows = windows
        self._bags = bags

    def __len__(self) -> int:
        return len(self._windows)

    def __getitem__(self, index: int) -> Batch:
        batch = self._windows[index]
        batch["bag"] = _numbered(self._bags[self._windows.positions(index)])
        return batch


def _numbered(bags: Int64) -> torch.Tensor:
    """Number bags by first occurrence, int64 (N,)."""
    numbers: dict[int, int] = {}
    order = [numbers.setdefault(bag, len(numbers)) for bag in bags.tolist()]
    return torch.tensor(order, dtype=torch.int64)
