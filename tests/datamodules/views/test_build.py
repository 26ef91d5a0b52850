"""Views stored beside the shards: parallel, resumable, by the digest of the samples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus
from datamodules.views.build import build_view, view_of
from datamodules.views.joined import Joined
from datamodules.views.rows import StoredRows, read_index, view_folder
from datamodules.views.track_vectors import TrackVectors
from datamodules.views.vector_file import write_vectors
from tests.support.sources import run, watched
from tests.support.views import BlockLevels, IdLength


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return run(watched(12), tmp_path_factory.mktemp("corpus"))


def ids_of(corpus: Corpus) -> list[str]:
    return [str(track_id) for track_id in corpus.track_ids]


def calls(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_two_processes_store_what_the_view_computes(corpus: Corpus, tmp_path: Path):
    view = BlockLevels(log=str(tmp_path / "log"))
    rows = np.concatenate([corpus.rows("train"), corpus.rows("valid")])
    stored = build_view(corpus, view, rows, workers=2)
    assert calls(tmp_path / "log") == len(rows) == 9
    for position, row in enumerate(rows):
        expected = view_of(view, "", corpus.audio(int(row)), 16000)
        np.testing.assert_array_equal(stored.track(position), expected)
        assert stored.lengths[position] == len(expected) == corpus.samples[row] // 2000
    np.testing.assert_array_equal(stored.window(4, 1, 2), stored.track(4)[1:3])


def test_an_interrupted_computation_is_resumed(corpus: Corpus, tmp_path: Path):
    view = BlockLevels(sample_rate=16000, log=str(tmp_path / "log"))
    rows = corpus.rows("train")
    build_view(corpus, view, rows)
    folder = view_folder(corpus, view)
    lost = sorted(folder.glob("*.json"))[1]
    (folder / f"{lost.stem}.f32").write_bytes(b"1234")  # the sidecar no longer fits
    before = calls(tmp_path / "log")
    with pytest.raises(TagbenchError, match=r"'block_levels' of 'noise' is incomplete: \d of 6"):
        StoredRows.open(corpus, view, rows)
    stored = build_view(corpus, view, rows)
    again = calls(tmp_path / "log") - before
    assert 1 <= again < len(rows)
    expected = view_of(view, "", corpus.audio(int(rows[2])), 16000)
    np.testing.assert_array_equal(stored.track(2), expected)
    build_view(corpus, view, rows)
    assert calls(tmp_path / "log") == before + again + 1  # that of the comparison


def test_vectors_by_track_id_of_equal_samples_are_kept_apart(tmp_path: Path):
    tracks = watched(4)
    same = [
        replace(track, source=tracks[0].source, track_id="x" * number)
        for number, track in enumerate(tracks, 1)
    ]
    corpus = run(same, tmp_path)
    assert corpus.frame["audio_sha256"].nunique() == 1
    rows, vectors = np.arange(len(corpus)), IdLength(16000)
    ids = [len(track_id) for track_id in ids_of(corpus)]
    assert [track.tolist() for track in build_view(corpus, vectors, rows)] == [[[n]] for n in ids]
    joined = Joined(16000, BlockLevels(16000), vectors)
    stored = build_view(corpus, joined, rows, workers=2)
    levels = BlockLevels(16000).compute(corpus.audio(0))
    for track, length in zip(stored, ids, strict=True):
        np.testing.assert_array_equal(track[:, :2], levels)
        np.testing.assert_array_equal(track[:, 2], np.full(len(levels), length))
    # Only what depends on the id is stored by it.
    assert len(read_index(view_folder(corpus, joined), joined)) == 4
    build_view(corpus, BlockLevels(16000), rows)
    assert len(read_index(view_folder(corpus, BlockLevels(16000)), BlockLevels(16000))) == 1
    write_vectors(tmp_path / "few.npz", ids_of(corpus)[:1], np.ones((1, 2), np.float32))
    with pytest.raises(
        TagbenchError, match="no vector for 3 of 4 tracks"
    ):  # before any is computed
        build_view(corpus, TrackVectors(path=str(tmp_path / "few.npz")), rows, workers=2)
    with pytest.raises(TagbenchError, match="'block_levels' has several rows"):
        Joined(16000, vectors, BlockLevels(16000))


def test_a_view_of_another_width_is_refused(corpus: Corpus):
    with pytest.raises(TagbenchError, match=r"shape \(\d+, 2\), expected \(rows, 3\)"):
        build_view(corpus, BlockLevels(declared=3), corpus.rows("test"))


def test_the_digest_holds_every_parameter():
    view = BlockLevels()
    assert view.identity() == {
        "name": "block_levels",
        "revision": 1,
        "params": {"sample_rate": 8000, "log": "", "declared": 2, "refused": 0.0},
    }
    assert (
        len({view.digest, BlockLevels(sample_rate=16000).digest, BlockLevels(log="x").digest}) == 3
    )
