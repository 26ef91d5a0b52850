"""Draws of songs for tags, and batches of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for, seed_for
from datamodules.corpus.corpus import Int64
from datamodules.loaders.batch import Batch
from datamodules.loaders.batch_plan import BatchPlan, Draw
from datamodules.loaders.training_crops import TrainingCrops


@dataclass(frozen=True)
class TripletPlan:
    """Batches of draws of a tag and a song that has it, a function of the arguments alone.

    The draws of an epoch depend on (seed, epoch). An incomplete last batch is left out. A song that
    is drawn several times in an epoch gives another crop each time.

    Args:
        songs: Positions of the tracks that have each tag.
        tracks: Number of tracks of the split.
        draws: Draws in an epoch.
        batch_size: Draws in a batch, over all ranks.
        seed: Seed of the draws.
        balanced: True: the tags in turn, in a shuffled order, then a song that has the tag. False:
            a song that has a tag, then one of its tags.
        rank: Which share of each batch this process reads: draws ``rank::world``.
        world: Number of processes that share each batch.

    Raises:
        TagbenchError: No track has a tag, or a batch cannot be divided evenly among the processes.
    """

    songs: Sequence[Int64]
    tracks: int
    draws: int
    batch_size: int
    seed: int
    balanced: bool = True
    rank: int = 0
    world: int = 1

    def __post_init__(self) -> None:
        if not any(len(songs) for songs in self.songs):
            raise TagbenchError("No training track has one of the tags that songs are drawn for.")
        len(self)  # checks that a batch can be divided

    def __len__(self) -> int:
        return len(self._shares)

    @property
    def _shares(self) -> BatchPlan:
        """Plan of as many tracks as there are draws, which checks and counts the batches."""
        share = {"rank": self.rank, "world": self.world}
        return BatchPlan(self.draws, self.batch_size, self.seed, **share)

    def batches(self, epoch: int) -> Iterator[list[Draw]]:
        """Yield the draws of each batch of an epoch that this rank reads."""
        tags, positions = self._balanced(epoch) if self.balanced else self._random(epoch)
        seen: dict[int, int] = {}
        draws = []
        for tag, position in zip(tags.tolist(), positions.tolist(), strict=True):
            number = seen.get(position, 0)
            seen[position] = number + 1
            draws.append(Draw(epoch, position, number, tag))
        size = min(self.batch_size, self.draws)
        for batch in range(len(self)):
            yield draws[batch * size : (batch + 1) * size][self.rank :: self.world]

    def _balanced(self, epoch: int) -> tuple[Int64, Int64]:
        """Return tag and position of each draw, int64 (draws,)."""
        rng = rng_for("balanced triplets", self.seed, epoch)
        used = np.flatnonzero([len(songs) for songs in self.songs])
        tags = used[rng.permutation(np.arange(self.draws) % len(used))]
        return tags, _pick([self.songs[tag] for tag in tags], rng.random_sample(self.draws))

    def _random(self, epoch: int) -> tuple[Int64, Int64]:
        """Return tag and position of each draw, int64 (draws,)."""
        rng = rng_for("random triplets", self.seed, epoch)
        tags_of: list[list[int]] = [[] for _ in range(self.tracks)]
        for tag, songs in enumerate(self.songs):
            for position in songs.tolist():
                tags_of[position].append(tag)
        tagged = np.array([at for at, tags in enumerate(tags_of) if tags], dtype=np.int64)
        positions = tagged[rng.randint(len(tagged), size=self.draws)]
        choices = [np.array(tags_of[position]) for position in positions]
        return _pick(choices, rng.random_sample(self.draws)), positions


def _pick(choices: Sequence[Int64], uniforms: np.ndarray) -> Int64:
    """Return one of the values of each array, by a uniform random number below 1."""
    pairs = zip(choices, uniforms, strict=True)
    return np.array([values[int(u * len(values))] for values, u in pairs], dtype=np.int64)


class TripletCrops(Dataset[Batch]):
    """Random windows of songs that were drawn for tags.

    A batch states the tag of each window as ``anchors``, and as ``uniforms`` a random number that
    is a function of the draw.

    Args:
        crops: Windows of the tracks.
        tags: Tag of the corpus that each tag of the plan stands for.
        seed: Seed of the random numbers.
    """

    def __init__(self, crops: TrainingCrops, tags: Sequence[int], seed: int) -> None:
        self._crops = crops
        self._tags = tags
        self._seed = seed

    def __getitems__(self, draws: Sequence[Draw]) -> Batch:
        """Return a whole batch."""
        batch = self._crops.__getitems__(draws)
        batch["anchors"] = torch.tensor([self._tags[draw.tag] for draw in draws])
        seeds = [seed_for("triplet negative", self._seed, *draw) for draw in draws]
        batch["uniforms"] = torch.tensor(
            [(seed >> 10) / 2**53 for seed in seeds], dtype=torch.float64
        )
        return batch

    def __getitem__(self, draw: Draw) -> Batch:
        return self.__getitems__([draw])
