"""Which crops of which tracks form the batches of an epoch, and division of tracks into batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from torch.utils.data import Sampler

from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for


class Draw(NamedTuple):
    """One random crop of a track.

    Attributes:
        epoch: Number of passes over the tracks before this one.
        position: Position of the track in its split.
        number: Number of the crop among those of this track in this pass.
        tag: Number of the tag that the crop was drawn for; -1 for none.
    """

    epoch: int
    position: int
    number: int = 0
    tag: int = -1


@dataclass(frozen=True)
class BatchPlan:
    """Batches of random crops, a function of the arguments alone.

    Each epoch has an order of the tracks drawn from (seed, epoch), of which an incomplete last
    batch is left out. A plan whose ``steps`` need more than the tracks of one pass continues with
    the next pass, so that a small set of tracks can be read along with a large one.

    Args:
        tracks: Number of tracks.
        batch_size: Tracks in a batch, over all ranks.
        seed: Seed of the order.
        crops: Crops of each track in a batch.
        steps: Batches in an epoch; by default one pass over the tracks.
        rank: Which share of each batch this process reads: tracks ``rank::world``.
        world: Number of processes that share each batch.

    Raises:
        TagbenchError: A batch cannot be divided evenly among the processes.
    """

    tracks: int
    batch_size: int
    seed: int
    crops: int = 1
    steps: int | None = None
    rank: int = 0
    world: int = 1

    def __post_init__(self) -> None:
        if self._size % self.world:
            few = f", because there are {self.tracks} training tracks" * (
                self._size < self.batch_size
            )
            raise TagbenchError(
                f"A batch of {self._size} tracks{few} cannot be divided evenly among {self.world} "
                f"processes. Expected a multiple of {self.world} that is no larger than the number "
                "of tracks, or one process."
            )

    @property
    def _size(self) -> int:
        """Tracks in a batch: fewer than ``batch_size`` where there are no more tracks."""
        return min(self.batch_size, self.tracks) if self.steps is None else self.batch_size

    def __len__(self) -> int:
        return self.tracks // self._size if self.steps is None else self.steps

    def batches(self, epoch: int) -> Iterator[list[Draw]]:
        """Yield the crops of each batch of an epoch that this rank reads, track by track."""
        stream = self._stream(epoch)
        for _ in range(len(self)):
            tracks = [next(stream) for _ in range(self._size)]
            yield [
                Draw(number, position, crop)
                for number, position in tracks[self.rank :: self.world]
                for crop in range(self.crops)
            ]

    def _stream(self, epoch: int) -> Iterator[tuple[int, int]]:
        """Yield (pass, position) without end, from the first batch of the epoch."""
        taken = len(self) * self._size
        if taken <= self.tracks:
            # One pass an epoch.
            yield from ((epoch, position) for position in self._order(epoch))
            return
        number, offset = divmod(epoch * taken, self.tracks)
        while True:
            for position in self._order(number)[offset:]:
                yield number, position
            number, offset = number + 1, 0

    def _order(self, number: int) -> list[int]:
        order: list[int] = (
            rng_for("train order", self.seed, number).permutation(self.tracks).tolist()
        )
        return order


class Plan(Protocol):
    """The batches of each epoch."""

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""

    def batches(self, epoch: int) -> Iterator[list[Draw]]:
        """Yield the crops of each batch of an epoch."""


class EpochBatches(Sampler[list[Draw]]):
    """Batch sampler of a plan.

    Args:
        plan: The batches.
        epoch: Returns the epoch; called at the start of each pass. It is a function and not an
            attribute, so that it still works after Lightning has wrapped this sampler in another.
    """

    def __init__(self, plan: Plan, epoch: Callable[[], int]) -> None:
        self._plan = plan
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._plan)

    def __iter__(self) -> Iterator[list[Draw]]:
        return self._plan.batches(self._epoch())


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
