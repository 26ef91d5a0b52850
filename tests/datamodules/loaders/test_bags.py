"""Bags of tracks: which tracks they hold, their batches, and what a batch states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import pytest
import torch

from datamodules.base import TaggingDataModule
from datamodules.corpus.track import Track
from datamodules.loaders.bags import BagPlan, label_bags, members_of
from tests.support.noise_datamodule import set_epoch
from tests.support.sources import TAGS, watched

OWNERS = [("ada", "one")] * 4 + [("ada", "two")] * 2 + [("", "")] * 3 + [("bo", "")] * 3
"""Artist and album of the tracks of each split."""

BY = ("artist", "album")


class Albums(TaggingDataModule):
    """Twelve tracks of noise in each split, with artists and albums."""

    name = "albums"
    tags = TAGS
    licence: ClassVar[str] = "none"

    def build_manifest(self) -> Sequence[Track]:
        return [
            replace(
                track,
                split=("train", "valid", "test")[at // len(OWNERS)],
                artist=OWNERS[at % 12][0],
                album=OWNERS[at % 12][1],
                tags=("odd",) if at % 12 == 3 else ("even",),
            )
            for at, track in enumerate(watched(3 * len(OWNERS), seconds=0.1))
        ]


@pytest.fixture(scope="module")
def albums(tmp_path_factory: pytest.TempPathFactory) -> Albums:
    data = Albums(root=tmp_path_factory.mktemp("albums"), window=800, batch_size=3, workers=0)
    data.prepare_data()
    return data


def test_a_bag_has_one_owner_and_one_label(albums: Albums) -> None:
    bags = members_of(label_bags(albums.corpus, "train", BY))
    assert bags == [[0, 1, 2], [3], [4, 5], [6], [7], [8], [9, 10, 11]]
    assert members_of(albums.corpus.bags("train", BY))[0] == [0, 1, 2, 3]


def test_every_track_of_a_bag_is_in_the_batch_of_the_bag(albums: Albums) -> None:
    set_epoch(albums, 2)
    batches = list(albums.bags(BY))
    assert len(batches) == 2  # of three bags each; one bag of seven is left out
    tracks = albums.corpus.split("train")["track_id"].tolist()
    of_track = dict(zip(tracks, label_bags(albums.corpus, "train", BY), strict=True))
    seen = []
    for batch in batches:
        assert batch["audio"].shape == (len(batch["track_ids"]), 800)
        bags = [int(of_track[track]) for track in batch["track_ids"]]
        assert torch.unique_consecutive(batch["bag"]).tolist() == [0, 1, 2]
        assert len(set(zip(bags, batch["bag"].tolist(), strict=True))) == 3
        seen += list(dict.fromkeys(bags))
        assert len(bags) == sum((3, 1, 2, 1, 1, 1, 3)[bag] for bag in set(bags))
    assert len(set(seen)) == 6


def test_validation_batches_hold_whole_bags(albums: Albums) -> None:
    batches = list(albums.valid_bags(BY))
    tracks = [track for batch in batches for track in batch["track_ids"]]
    assert sorted(tracks) == sorted(albums.corpus.split("valid")["track_id"])
    sizes = [len(members) for members in members_of(label_bags(albums.corpus, "valid", BY))]
    found = [torch.bincount(batch["bag"]).tolist() for batch in batches]
    assert [size for batch in found for size in batch] == sizes


def test_a_large_bag_gives_other_tracks_in_each_epoch() -> None:
    plan = BagPlan([list(range(8)), [8]], batch_size=2, seed=5, most=3)
    drawn = [
        sorted(draw.position for batch in plan.batches(epoch) for draw in batch)
        for epoch in range(6)
    ]
    assert all(len(tracks) == 4 and tracks[-1] == 8 for tracks in drawn)
    assert len({tuple(tracks) for tracks in drawn}) > 3
    assert drawn[1] == sorted(d.position for batch in plan.batches(1) for d in batch)


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_each_batch_by_bags(world: int) -> None:
    members = [[2 * bag, 2 * bag + 1] for bag in range(13)]
    whole = BagPlan(members, 6, 1)
    shares = [BagPlan(members, 6, 1, rank=rank, world=world) for rank in range(world)]
    for batch, *parts in zip(whole.batches(3), *(s.batches(3) for s in shares), strict=True):
        assert sorted(batch) == sorted(draw for part in parts for draw in part)
        assert {len(part) for part in parts} == {12 // world}
        assert all(
            part[::2] == [d._replace(position=d.position - 1) for d in part[1::2]] for part in parts
        )
