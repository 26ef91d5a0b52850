"""Artist group factors: the numbers of a reference run, and tracks without a target."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from datamodules.common.errors import TagbenchError
from datamodules.labels.targets.artist_group_factors import ArtistGroupFactors
from datamodules.labels.targets.artist_topics import artist_topics
from datamodules.labels.targets.subgenre_factors import SubgenreFactors
from tests.support.formula import hashed
from tests.support.paths import DATA

GOLDEN = json.loads((DATA / "artist_group_factors.json").read_text(encoding="utf-8"))


class Tracks(SimpleNamespace):
    """Training tracks with given rows and columns."""

    def __len__(self) -> int:
        return len(self.artists)

    def column(self, name: str) -> list[str]:
        return getattr(self, name)


def words_by_track() -> tuple[np.ndarray, list[str]]:
    """Divide the words of each artist among the artist's tracks, one after the other."""
    rows, artists = [], []
    counts = np.array(GOLDEN["word counts (5 artists x 6 words)"], dtype=int)
    for number, (words, tracks) in enumerate(zip(counts, GOLDEN["tracks per artist"], strict=True)):
        each = np.repeat(np.arange(6), words)
        rows += [np.bincount(each[at::tracks], minlength=6) for at in range(tracks)]
        artists += [f"artist {number}"] * tracks
    return np.array(rows, dtype=float), artists


@pytest.mark.parametrize("seed", [0, 1])
def test_topics_are_those_of_the_reference_and_an_artist_without_words_has_none(seed: int) -> None:
    words, artists = words_by_track()
    topics = artist_topics(np.r_[words, words[:1]], [*artists, ""], 2, seed)
    expected = np.array(GOLDEN[f"doc-topic, random_state={seed}"])
    numbers = [int(name[-1]) for name in artists]
    expected = expected[numbers]
    expected[-1] = np.nan  # the reference gives the uniform distribution
    np.testing.assert_allclose(topics[:-1], expected, atol=1e-4)
    assert np.isnan(topics[-1]).all()  # a track without an artist


def test_clusters_are_those_of_the_reference() -> None:
    golden: dict[str, Any] = GOLDEN["k-means tiny"]
    frames = 3 * hashed("frames", 120).reshape(60, 2)
    frames[:20] += 4
    frames[20:40] -= 4
    tracks: Any = Tracks(rows=[frames[::2], frames[1::2]], artists=["a", "b"])
    clusters = ArtistGroupFactors(clusters=3, tracks_per_step=1).cluster(tracks)
    order = np.argsort(clusters.cluster_centers_[:, 0])
    expected = golden["centres sorted by first coordinate"]
    np.testing.assert_allclose(clusters.cluster_centers_[order], expected, atol=1e-6)
    counts = np.bincount(clusters.predict(frames), minlength=3)[order]
    assert counts.tolist() == golden["counts of all frames in that order"]
    with pytest.raises(TagbenchError, match="cannot find 31 clusters in 30 frames"):
        ArtistGroupFactors(clusters=31, tracks_per_step=1).cluster(tracks)


def test_differences_of_frames_are_clustered_track_by_track() -> None:
    # Within a track, all steps are equal; the step from one track to the next is none of a track.
    rows = [np.arange(8.0)[:, None], 100 - 2 * np.arange(8.0)[:, None]]
    tracks: Any = Tracks(rows=rows, artists=["a", "b"])
    clusters = ArtistGroupFactors(feature="dmfcc", clusters=2).cluster(tracks)
    assert sorted(clusters.cluster_centers_[:, 0]) == [-2, 1]


def test_words_of_two_columns_are_different_words() -> None:
    artists = ["a", "a", "b", "c", "d"]
    genres, keys = ["1|2", "2", "1", "7", ""], ["1", "1", "2", "2", ""]
    tracks: Any = Tracks(artists=artists, genres=genres, keys=keys)
    topics = SubgenreFactors(words=("genres", "keys"), factors=2).fit(tracks)
    # Words: genres 1, 2, 7, then keys 1, 2.
    words = [[1, 1, 0, 1, 0], [0, 1, 0, 1, 0], [1, 0, 0, 0, 1], [0, 0, 1, 0, 1], [0] * 5]
    expected = artist_topics(np.array(words, dtype=float), artists, 2, 0)
    np.testing.assert_array_equal(topics, expected)
    assert np.isnan(topics[-1]).all()
    assert not np.isnan(topics[:-1]).any()
