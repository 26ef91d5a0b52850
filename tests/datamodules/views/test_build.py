"""Views stored beside the shards: parallel, resumable, by the digest of the samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus
from datamodules.views.build import build_view, view_of
from datamodules.views.rows import StoredRows, view_folder
from tests.support.sources import run, watched
from tests.support.views import BlockLevels


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return run(watched(12), tmp_path_factory.mktemp("corpus"))


def calls(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_two_processes_store_what_the_view_computes(corpus: Corpus, tmp_path: Path):
    view = BlockLevels(log=str(tmp_path / "log"))
    rows = np.concatenate([corpus.rows("train"), corpus.rows("valid")])
    stored = build_view(corpus, view, rows, workers=2)
    assert calls(tmp_path / "log") == len(rows) == 9
    for position, row in enumerate(rows):
        expected = view_of(view, corpus.audio(int(row)), 16000)
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
    np.testing.assert_array_equal(stored.track(2), view_of(view, corpus.audio(int(rows[2])), 16000))
    build_view(corpus, view, rows)
    assert calls(tmp_path / "log") == before + again + 1  # that of the comparison


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
