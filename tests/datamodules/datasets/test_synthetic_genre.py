"""The synthetic genre corpus: its counts, its artists and its preparation."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from datamodules.corpus.prepare import prepare
from datamodules.datasets.synthetic_genre import SynthGenre
from datamodules.synthesis.genres.render import render_genre_clip


@pytest.mark.parametrize("seed", range(3))
def test_splits_are_long_tailed_and_disjoint_by_artist(seed):
    tracks = SynthGenre(root="", synth_seed=seed).build_manifest()
    assert Counter(track.split for track in tracks) == {"train": 247, "valid": 60, "test": 112}
    sizes = {split: Counter(t.tags[0] for t in tracks if t.split == split) for split in
             ("train", "valid", "test")}  # fmt: skip
    assert [n for _, n in sizes["train"].most_common()] == [80, 54, 38, 27, 19, 14, 9, 6]
    assert sizes["train"].most_common()[-1][0] == "reggae"
    assert sizes["test"]["reggae"] == 4
    assert all(len(track.tags) == 1 for track in tracks)
    groups: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
    for track in tracks:
        groups[track.artist].add((track.split, track.tags[0]))
        groups[track.album].add((track.artist,))
    assert all(len(owners) == 1 for owners in groups.values())
    assert min(Counter(track.album for track in tracks).values()) == 2
    artists = {(track.split, track.tags[0], track.artist) for track in tracks}
    per_genre = Counter((split, genre) for split, genre, _ in artists if split != "valid")
    assert len(per_genre) == 16
    assert min(per_genre.values()) >= 2


def test_prepared_corpus_has_its_own_rate_and_the_factors(tmp_path):
    dataset = SynthGenre(root=tmp_path)
    tracks = dataset.build_manifest()[-2:]
    corpus = prepare(
        tracks, tmp_path, name=dataset.name, tags=dataset.tags, task=dataset.task,
        sample_rate=dataset.sample_rate, workers=0,
    )  # fmt: skip
    assert corpus.sample_rate == 22050
    assert list(corpus.frame["samples"]) == [220500, 220500]
    for column, value in tracks[1].extra.items():
        assert corpus.frame[column][1] == value
    expected = render_genre_clip(0, len(dataset.build_manifest()) - 1, 22050)
    np.testing.assert_allclose(
        corpus.audio(1), expected, atol=0.51 * float(corpus.frame["scale"][1])
    )
