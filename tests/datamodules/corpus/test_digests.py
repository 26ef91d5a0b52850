"""Digests of a corpus depend on its content and on nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.corpus.track import Track
from tests.support.sources import TAGS, WatchedSource, corpus_digests, run, watched


def test_digests_depend_on_content_alone(tmp_path: Path) -> None:
    tracks = watched(13)
    first = run(tracks, tmp_path / "a")
    for name, workers in (("b", 1), ("c", 2)):
        other = run(tracks[::-1], tmp_path / name, workers=workers)
        assert corpus_digests(other) == corpus_digests(first)
        for row in range(13):
            np.testing.assert_array_equal(other.audio(row), first.audio(row))
    placed = {tuple(run(tracks, tmp_path / name).frame["shard"]) for name in "abc"}
    assert len(placed) > 1  # or the test would prove nothing


def test_digests_see_every_change(tmp_path: Path) -> None:
    tracks = watched(8)

    def changed(**values: Any) -> list[Track]:
        return [replace(tracks[0], **values), *tracks[1:]]

    variants = {
        "same": (tracks, {}),
        "split": (changed(split="test"), {}),
        "tags": (changed(tags=("odd",)), {}),
        "artist": (changed(artist="somebody"), {}),
        "audio": (changed(source=WatchedSource(0, version=1)), {}),
        "less": (tracks[1:], {}),
        "rate": (tracks, {"sample_rate": 8000}),
        "order of tags": (tracks, {"tags": TAGS[::-1]}),
    }
    digests = {
        name: corpus_digests(run(rows, tmp_path / name, **options))
        for name, (rows, options) in variants.items()
    }
    assert len({manifest for manifest, _, _ in digests.values()}) == 7
    assert digests["order of tags"][0] == digests["same"][0]
    assert digests["order of tags"][2] != digests["same"][2]
    same = {name for name, (_, split, _) in digests.items() if split == digests["same"][1]}
    assert same == set(variants) - {"split", "less"}


def test_the_digest_of_the_samples_does_not_depend_on_the_shards(tmp_path: Path) -> None:
    first = run(watched(9), tmp_path / "a", workers=1)
    second = run(watched(9), tmp_path / "b", workers=3)
    assert first.frame["shard"].nunique() != second.frame["shard"].nunique()
    assert first.info["samples_digest"] == second.info["samples_digest"]
    louder = run(watched(9, seconds=0.4), tmp_path / "c")
    assert louder.info["samples_digest"] != first.info["samples_digest"]
