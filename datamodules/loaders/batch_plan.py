"""Order of the tracks in an epoch, and division of tracks into batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from torch.utils.data import Sampler

from datamodules.common.seeding import rng_for

Key = tuple[int, int]
"""Epoch, and position in the split."""


class EpochSampler(Sampler[Key]):
    """Yields every track once, with the epoch, in an order drawn from (seed, epoch).

    Args:
        tracks: Number of tracks.
        seed: Seed of the order.
        epoch: Returns the epoch; called at the start of each pass. It is a function and not an
            attribute, so that it still works after Lightning has wrapped this sampler in another.
    """

    def __init__(self, tracks: int, seed: int, epoch: Callable[[], int]) -> None:
        self._tracks = tracks
        self._seed = seed
        self._epoch = epoch

    def __len__(self) -> int:
        return self._tracks

    def __iter__(self) -> Iterator[Key]:
        epoch = self._epoch()
        order = rng_for("train order", self._seed, epoch).permutation(self._tracks)
        return iter([(epoch, int(position)) for position in order])


def group_by_total(counts: Sequence[int], most: int) -> Iterator[list[int]]:
    """Divide positions, in order, into groups whose counts add up to at most ``most``.

    Args:
        counts: Count of each position.
        most: Largest total; a position whose count exceeds it is a group of its own.
    """
    group: list[int] = []
    total = 0
    for position, count in enumerate(counts):
        if group and total + count > most:
            yield group
            group, total = [], 0
        group.append(position)
        total += count
    if group:
        yield group
