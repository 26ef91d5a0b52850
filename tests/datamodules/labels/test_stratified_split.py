from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pandas as pd
import pytest

from datamodules.common.errors import TagbenchError
from datamodules.corpus.leakage import check_disjoint, check_positives
from datamodules.corpus.track import SPLITS, Track
from datamodules.labels.stratified_split import draw_split, hold_out
from tests.support.sources import WatchedSource


def tracks_of(count: int, seed: int = 0, per_artist: int = 1, tags: int = 12) -> list[Track]:
    """Return tracks whose tags range from frequent to rare."""
    rng = np.random.RandomState(seed)
    rates = 0.5 * 0.7 ** np.arange(tags)
    tracks = []
    for index in range(count):
        found = tuple(f"tag{i:02d}" for i in np.flatnonzero(rng.rand(tags) < rates))
        artist = f"a{index // per_artist}" if per_artist > 1 else ""
        tracks.append(Track(f"t{index:05d}", "", found, WatchedSource(index), artist=artist))
    return tracks


def split_of(tracks: list[Track]) -> dict[str, str]:
    return {track.track_id: track.split for track in tracks}


@pytest.mark.parametrize("per_artist", [1, 7])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_shares_tags_and_artists(per_artist: int, seed: int) -> None:
    tracks = draw_split(tracks_of(2100, seed, per_artist), valid=0.15, test=0.15, seed=seed)
    counts = Counter(track.split for track in tracks)
    slack = 0.01 if per_artist == 1 else 0.04
    for split, share in zip(SPLITS, (0.7, 0.15, 0.15), strict=True):
        assert counts[split] / 2100 == pytest.approx(share, abs=slack)
    where = defaultdict(set)
    for track in tracks:
        where[track.group].add(track.split)
    assert {len(splits) for splits in where.values()} == {1}
    for tag in sorted({tag for track in tracks for tag in track.tags}):
        found = Counter(track.split for track in tracks if tag in track.tags)
        total = found.total()
        assert found["test"] == pytest.approx(0.15 * total, abs=max(2, 0.1 * total))
        assert set(found) == set(SPLITS)


def test_a_drawn_split_depends_on_content_and_seed_alone() -> None:
    tracks = tracks_of(200, per_artist=3)
    once = split_of(draw_split(tracks, valid=0.2, test=0.1, seed=5))
    assert split_of(draw_split(tracks[::-1], valid=0.2, test=0.1, seed=5)) == once
    assert split_of(draw_split(tracks, valid=0.2, test=0.1, seed=6)) != once


def test_classes_are_stratified_exactly() -> None:
    tracks = [Track(f"t{i:03d}", "", (f"genre{i % 10}",), WatchedSource(i)) for i in range(200)]
    drawn = draw_split(tracks, valid=0.15, test=0.15, seed=0)
    found = Counter((track.tags[0], track.split) for track in drawn)
    assert set(found.values()) == {14, 3}


@pytest.mark.parametrize("seed", range(10))
def test_a_tag_with_three_artists_is_everywhere(seed: int) -> None:
    """Half of the tags have just three tracks: each split must get one of each."""
    tracks = [
        Track(f"t{i:03d}", "", (f"rare{i // 3}", "common"), WatchedSource(i)) for i in range(60)
    ] + [Track(f"u{i:03d}", "", ("common",), WatchedSource(i)) for i in range(140)]
    drawn = draw_split(tracks, valid=0.15, test=0.15, seed=seed)
    found = Counter((tag, track.split) for track in drawn for tag in track.tags)
    assert all(found[f"rare{tag}", split] == 1 for tag in range(20) for split in SPLITS)


def test_one_or_two_tracks_of_a_tag_go_where_they_matter() -> None:
    tracks = [Track(f"t{i:03d}", "", ("x",), WatchedSource(i)) for i in range(20)]
    tracks += [Track("once", "", ("x", "one"), WatchedSource(90))]
    tracks += [Track(f"twice{i}", "", ("x", "two"), WatchedSource(91)) for i in range(2)]
    found = split_of(draw_split(tracks, valid=0.15, test=0.15, seed=0))
    assert found["once"] == "train"
    assert {found["twice0"], found["twice1"]} == {"train", "test"}


@pytest.mark.parametrize("count", [3, 4, 5, 10])
def test_small_datasets_fill_every_split(count: int) -> None:
    tracks = [Track(f"t{i}", "", ("ab"[i % 2],), WatchedSource(i)) for i in range(count)]
    drawn = draw_split(tracks, valid=0.15, test=0.15, seed=0)
    assert {track.split for track in drawn} == set(SPLITS)


def test_too_few_artists_are_refused() -> None:
    tracks = tracks_of(20, per_artist=10)
    with pytest.raises(TagbenchError, match="20 tracks by 2 artists cannot be split"):
        draw_split(tracks, valid=0.15, test=0.15, seed=0)
    with pytest.raises(TagbenchError, match=r"valid=0\.5 and test=0\.5: both"):
        draw_split(tracks_of(20), valid=0.5, test=0.5, seed=0)


@pytest.mark.parametrize("seed", range(5))
def test_validation_is_held_out_of_training_by_artist(seed: int) -> None:
    tracks = [
        Track(f"t{i:03d}", "train", (f"genre{i // 40}",), WatchedSource(i), artist=f"a{i // 4}")
        for i in range(240)
    ]
    held = hold_out(tracks, valid=0.2, seed=seed)
    assert [track.track_id for track in held] == [track.track_id for track in tracks]
    found = Counter((track.tags[0], track.split) for track in held)
    assert set(found.values()) == {32, 8}
    sides = {(track.artist, track.split) for track in held}
    assert len(sides) == len({artist for artist, _ in sides}) == 60
    assert split_of(hold_out(tracks[::-1], valid=0.2, seed=seed)) == split_of(held)
    assert split_of(hold_out(tracks, valid=0.2, seed=seed + 9)) != split_of(held)


def test_a_class_with_two_artists_is_learnt_and_validated() -> None:
    """By its share of 0.1 alone, validation would get neither artist of the class."""
    tracks = [
        Track(f"t{i:03d}", "", ("rare",), WatchedSource(i), artist="ab"[i > 4]) for i in range(9)
    ] + [Track(f"u{i:03d}", "", ("common",), WatchedSource(i)) for i in range(91)]
    held = hold_out(tracks, valid=0.1, seed=0)
    assert {track.split for track in held if track.tags == ("rare",)} == {"train", "valid"}


def test_no_validation_can_be_held_out_of_one_artist() -> None:
    with pytest.raises(TagbenchError, match="Cannot draw a validation set"):
        hold_out(tracks_of(20, per_artist=20), valid=0.1, seed=0)
    with pytest.raises(TagbenchError, match="share 1 from 20"):
        hold_out(tracks_of(20), valid=1, seed=0)


def frame(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    columns = ["track_id", "split", "artist", "audio_sha256"]
    return pd.DataFrame(rows, columns=columns).assign(album="")


def test_leaks_are_found_and_counted() -> None:
    clean = frame(("a", "train", "x", "1"), ("b", "train", "x", "2"), ("c", "test", "", "3"),
                  ("d", "valid", "", "4"))  # fmt: skip
    assert check_disjoint(clean) == []
    leaky = frame(("a", "train", "x", "1"), ("b", "test", "x", "2"), ("c", "valid", "y", "1"),
                  ("d", "train", "z", "5"))  # fmt: skip
    assert check_disjoint(leaky) == [
        "1 recordings are in more than one split under several names: a (train), c (valid).",
        "1 of 3 artists are in more than one split: scores may be higher than on unknown artists.",
    ]
    albums = leaky.assign(artist="", audio_sha256=list("1234"), album=["m", "n", "m", ""])
    assert check_disjoint(albums) == [
        "1 of 2 albums are in more than one split: scores may be higher than on unknown albums."
    ]
    with pytest.raises(TagbenchError, match="1 tracks are in more than one split, such as 'a'"):
        check_disjoint(frame(("a", "train", "", "1"), ("a", "test", "", "1")))


def test_missing_positives_are_named() -> None:
    rows = pd.DataFrame({"split": ["train", "train", "test"], "tags": [("a",), ("b",), ("a",)]})
    assert check_positives(("a", "b"), rows) == ["1 of 2 tags have no positive in test: b."]
