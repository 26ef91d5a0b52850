"""Reading a prepared corpus."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus
from tests.support.audio_files import snr_db
from tests.support.sources import run, watched


def test_a_corpus_gives_back_what_its_sources_gave(tmp_path: Path) -> None:
    tracks = watched(9)
    tracks[4] = replace(tracks[4], song="")
    corpus = run(tracks[::-1], tmp_path / "c")
    assert list(corpus.frame["track_id"]) == [track.track_id for track in tracks]
    assert list(corpus.frame["tags"]) == [track.tags for track in tracks]
    assert list(corpus.frame["loudness"]) == [track.extra["loudness"] for track in tracks]
    assert corpus.frame["scale"].dtype == np.float32
    assert corpus.frame["shard"].dtype == np.int32
    for row, track in enumerate(tracks):
        audio = track.source.read(16000)
        assert len(corpus.audio(row)) == len(audio) == corpus.frame["samples"][row]
        assert snr_db(audio, corpus.audio(row)) > 80
        np.testing.assert_array_equal(corpus.window(row, 77, 1000), corpus.audio(row)[77:1077])
    valid = corpus.split("valid")
    assert list(valid.index) == [2, 6]
    np.testing.assert_array_equal(corpus.targets("valid"), [[1, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(corpus.targets("test"), [[0, 1, 1], [0, 1, 1]])
    assert corpus.clusters("train")[:3] == ["song:song 0", "artist:artist 1", "artist:artist 4"]
    songs = corpus.clusters("train", "song")
    assert songs == [*["song:song 0"] * 2, "track:t0004", "song:song 2", "song:song 4"]
    assert corpus.clusters("train", "track") == [f"track:t{n:04d}" for n in (0, 1, 4, 5, 8)]
    assert corpus.info["splits"] == {"train": 5, "valid": 2, "test": 2}


def test_a_corpus_is_small_to_pickle_and_maps_anew(tmp_path: Path) -> None:
    corpus = run(watched(8, seconds=2.0), tmp_path / "c")
    expected = corpus.audio(3)
    sent = pickle.dumps(corpus)
    assert len(sent) < 20_000
    np.testing.assert_array_equal(pickle.loads(sent).audio(3), expected)


def test_many_shards_do_not_use_up_descriptors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datamodules.corpus.stored_audio._OPEN_SHARDS", 3)
    corpus = run(watched(10), tmp_path / "c", workers=1)
    assert corpus.frame["shard"].nunique() > 3
    first = [corpus.audio(row) for row in range(10)]
    assert len(corpus.stored_audio._maps) == 3
    for row, audio in enumerate(first):
        np.testing.assert_array_equal(corpus.audio(row), audio)


def test_opening_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TagbenchError, match=r"No prepared corpus .* Run `tagbench prepare`"):
        Corpus.open(tmp_path)
    (tmp_path / "corpus.json").write_text("{")
    with pytest.raises(TagbenchError, match="not readable"):
        Corpus.open(tmp_path)
    (tmp_path / "corpus.json").write_text('{"format": 99}')
    with pytest.raises(TagbenchError, match="has format 99, expected 1"):
        Corpus.open(tmp_path)
    corpus = run(watched(2), tmp_path / "c")
    with pytest.raises(TagbenchError, match="Cannot read samples"):
        corpus.window(0, 7999, 2)
    with pytest.raises(TagbenchError, match="Did you mean 'valid'"):
        corpus.split("val")
