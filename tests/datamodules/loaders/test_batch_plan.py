"""Batch plans: passes over small sets of tracks, several crops, and shares of processes."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for
from datamodules.loaders.batch_plan import BatchPlan, Draw


def test_an_epoch_passes_over_the_tracks_in_the_seeded_order() -> None:
    plan = BatchPlan(tracks=10, batch_size=4, seed=3)
    order = rng_for("train order", 3, 7).permutation(10).tolist()
    assert len(plan) == 2
    assert list(plan.batches(7)) == [
        [Draw(7, position) for position in order[:4]],
        [Draw(7, position) for position in order[4:8]],
    ]


def test_a_small_set_continues_with_the_next_pass() -> None:
    plan = BatchPlan(tracks=5, batch_size=4, seed=0, steps=3)  # 12 of 5 tracks an epoch
    draws = [draw for epoch in range(5) for batch in plan.batches(epoch) for draw in batch]
    assert len(draws) == 60
    for number in range(12):
        one_pass = draws[5 * number : 5 * number + 5]
        assert {draw.epoch for draw in one_pass} == {number}
        assert sorted(draw.position for draw in one_pass) == list(range(5))
    assert len(set(draws)) == 60  # no crop is seen twice


def test_each_track_gives_its_crops_together() -> None:
    (batch, *_) = BatchPlan(tracks=6, batch_size=2, seed=0, crops=3).batches(0)
    assert [draw.number for draw in batch] == [0, 1, 2, 0, 1, 2]
    assert Counter(draw.position for draw in batch).most_common(1)[0][1] == 3


@pytest.mark.parametrize("steps", [None, 4])
@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_each_batch(steps: int | None, world: int) -> None:
    whole = BatchPlan(tracks=13, batch_size=6, seed=1, crops=2, steps=steps)
    shares = [
        BatchPlan(13, 6, 1, crops=2, steps=steps, rank=rank, world=world) for rank in range(world)
    ]
    for epoch in range(2):
        for batch, *parts in zip(
            whole.batches(epoch), *(share.batches(epoch) for share in shares), strict=True
        ):
            assert sorted(batch) == sorted(draw for part in parts for draw in part)
            assert {len(part) for part in parts} == {len(batch) // world}
            tracks = list(dict.fromkeys(draw[:2] for draw in batch))
            for rank, part in enumerate(parts):
                assert list(dict.fromkeys(draw[:2] for draw in part)) == tracks[rank::world]


def test_a_batch_must_be_divisible() -> None:
    with pytest.raises(TagbenchError, match="multiple of 4"):
        BatchPlan(tracks=20, batch_size=6, seed=0, world=4)
    assert len(list(islice(BatchPlan(20, 8, 0, world=4).batches(0), 9))) == 2
