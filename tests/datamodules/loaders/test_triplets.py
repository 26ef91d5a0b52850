"""Draws of songs for tags: frequencies, shares of processes, and what they depend on."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from datamodules.common.errors import TagbenchError
from datamodules.loaders.triplets import TripletPlan

# Tag 0 has four songs, tag 1 one, tag 2 none; song 5 has no tag.
SONGS = [np.array([0, 1, 2, 3]), np.array([3]), np.array([], dtype=np.int64)]


def plan(**fields) -> TripletPlan:
    return TripletPlan(**{"songs": SONGS, "tracks": 6, "draws": 4000, "batch_size": 8} | fields)


def test_balanced_draws_take_the_tags_in_turn_and_random_draws_the_songs():
    drawn = [draw for batch in plan(seed=0).batches(0) for draw in batch]
    assert Counter(draw.tag for draw in drawn) == {0: 2000, 1: 2000}
    assert all(draw.position in SONGS[draw.tag] for draw in drawn)
    of_first = Counter(draw.position for draw in drawn if draw.tag == 0)
    assert all(abs(count - 500) < 80 for count in of_first.values())  # 4 deviations
    # A song that is drawn again gives another crop.
    assert len({(draw.position, draw.number) for draw in drawn}) == len(drawn)
    drawn = [draw for batch in plan(seed=0, balanced=False).batches(0) for draw in batch]
    songs = Counter(draw.position for draw in drawn)
    assert set(songs) == {0, 1, 2, 3}
    assert all(abs(count - 1000) < 110 for count in songs.values())
    tags_of_last = Counter(draw.tag for draw in drawn if draw.position == 3)
    assert abs(tags_of_last[0] - tags_of_last[1]) < 130


def test_draws_depend_on_seed_and_epoch_alone_and_processes_share_each_batch():
    first = list(plan(seed=1).batches(3))
    assert list(plan(seed=1).batches(3)) == first
    assert list(plan(seed=2).batches(3)) != first
    assert [d[1:] for d in next(plan(seed=1).batches(4))] != [d[1:] for d in first[0]]
    shares = [list(plan(seed=1, rank=rank, world=2).batches(3)) for rank in (0, 1)]
    assert shares == [[batch[rank::2] for batch in first] for rank in (0, 1)]
    with pytest.raises(TagbenchError, match="cannot be divided evenly"):
        plan(seed=1, world=3)
    with pytest.raises(TagbenchError, match="No training track has one of the tags"):
        plan(seed=1, songs=SONGS[2:])
