"""Targets of a corpus: fitted to training tracks alone, stored once, and read with their tracks."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import Float32
from datamodules.labels.targets.artist_group_factors import ArtistGroupFactors
from datamodules.labels.targets.base import Kind, TargetSource, TrainingTracks
from datamodules.labels.targets.fitted import fitted_targets, target_path
from datamodules.labels.targets.subgenre_factors import SubgenreFactors
from tests.support.noise_datamodule import WINDOW, Noise
from tests.support.sources import WatchedSource, run, watched

FACTORS = ArtistGroupFactors(clusters=8, factors=3)


@dataclass(frozen=True)
class Loudness(TargetSource):
    """A number for each track, from a column; each fit appends a line to ``log``."""

    name: ClassVar[str] = "loudness"
    kind: ClassVar[Kind] = "vector"

    log: str = ""
    wrong: bool = False

    @property
    def width(self) -> int:
        return 1

    @property
    def columns(self) -> tuple[str, ...]:
        return ("loudness",)

    def fit(self, tracks: TrainingTracks) -> Float32:
        if self.log:
            with Path(self.log).open("a") as file:
                file.write("fitted\n")
        values = [[float(value)] for value in tracks.column("loudness")]
        return np.array(values[self.wrong :], dtype=np.float32)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return run(watched(24), tmp_path_factory.mktemp("corpus"))


def test_no_audio_of_other_splits_reaches_the_factors(corpus: Corpus, tmp_path: Path) -> None:
    factors = fitted_targets(corpus, FACTORS)
    train = corpus.split("train")
    assert np.array_equal(np.isnan(factors).any(1), train["artist"] == "")
    # Other audio, and other artists, in validation and test.
    changed = [
        track
        if track.split == "train"
        else replace(track, source=WatchedSource(99 - at, version=7), artist=f"nobody {at}")
        for at, track in enumerate(watched(24))
    ]
    other = run(changed, tmp_path / "other")
    assert other.manifest_digest != corpus.manifest_digest
    np.testing.assert_array_equal(fitted_targets(other, FACTORS), factors)
    # The same change in one training track does reach them.
    moved = [replace(changed[0], source=WatchedSource(99, version=7)), *changed[1:]]
    assert not np.array_equal(
        fitted_targets(run(moved, tmp_path / "moved"), FACTORS), factors, equal_nan=True
    )


def test_targets_are_fitted_once_and_again_if_their_file_is_damaged(
    corpus: Corpus, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    source = Loudness(log=str(log))
    first = fitted_targets(corpus, source)
    expected = corpus.split("train")["loudness"].to_numpy(np.float32)[:, None]
    np.testing.assert_array_equal(first, expected)
    np.testing.assert_array_equal(fitted_targets(corpus, source), first)
    assert log.read_text() == "fitted\n"
    path = target_path(corpus, source)
    os.truncate(path, path.stat().st_size - 3)
    np.testing.assert_array_equal(fitted_targets(corpus, source), first)
    assert log.read_text() == "fitted\n" * 2
    with pytest.raises(TagbenchError, match=r"shape \(11, 1\), expected \(12, 1\)"):
        fitted_targets(corpus, Loudness(wrong=True))
    with pytest.raises(TagbenchError, match=r"Unknown column 'sub_genres'"):
        fitted_targets(corpus, SubgenreFactors())


def test_the_identity_holds_every_parameter_and_what_corpus_digests_do_not_cover(
    corpus: Corpus, tmp_path: Path
) -> None:
    identity = FACTORS.identity_in(corpus)
    assert identity["params"]["clusters"] == 8
    assert identity["view"]["params"]["bands"] == 40
    assert identity != replace(FACTORS, seed=1).identity_in(corpus)
    louder = run(
        [replace(track, extra={"loudness": 0.0}) for track in watched(24)], tmp_path / "louder"
    )
    assert louder.manifest_digest == corpus.manifest_digest
    assert Loudness().identity_in(louder) != Loudness().identity_in(corpus)


def test_batches_have_the_targets_of_their_tracks(corpus: Corpus) -> None:
    targets = fitted_targets(corpus, Loudness())
    data = Noise(root=corpus.root, window=WINDOW, batch_size=4)
    data._corpus = corpus
    loudness = corpus.split("train").set_index("track_id")["loudness"]
    for batch in data.crops(crops=2, auxiliary={"loudness": targets}):
        rows = batch["auxiliary"]["loudness"]
        assert rows[:, 0].tolist() == [loudness[track] for track in batch["track_ids"]]
        assert len(batch["audio"]) == 2 * len(rows)
    assert all("auxiliary" not in batch for batch in data.val_dataloader())
