"""Cells on disk: atomic, resumable, honest about what is done."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from benchmark.store.cell_kinds import TrainCell
from benchmark.store.cells import Cell, Labels
from benchmark.store.store import Store
from datamodules.common.errors import TagbenchError
from tests.support.identities import training


def trained_cell(model: str, model_class: str = "a.B") -> TrainCell:
    labels = Labels("d", "multilabel", "quick", model, 0)
    return TrainCell(labels, {"model_class": model_class}, training())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


@pytest.fixture
def cell(store: Store) -> Cell:
    cell = trained_cell("m")
    store.register(cell)
    return cell


def finish(store: Store, cell: Cell, content: bytes = b"x") -> Path:
    path = store.folder(cell.id) / "best.ckpt"
    path.write_bytes(content)
    store.finish(cell.id, {"seconds": 1.0}, ["best.ckpt"])
    return path


def test_states(store: Store, cell: Cell):
    assert store.state(cell.id) == "pending"
    store.fail(cell.id, "train", ValueError("boom"))
    assert store.state(cell.id) == "failed"
    failure = store.failure(cell.id)
    assert failure is not None
    assert (failure["error"], failure["message"], failure["stage"]) == (
        "ValueError",
        "boom",
        "train",
    )
    finish(store, cell)
    assert store.state(cell.id) == "done"
    assert store.failure(cell.id) is None


def test_a_changed_result_file_is_not_done(store: Store, cell: Cell):
    finish(store, cell).write_bytes(b"y")
    assert store.state(cell.id) == "pending"


def test_a_missing_result_file_is_not_done(store: Store, cell: Cell):
    finish(store, cell).unlink()
    assert store.state(cell.id) == "pending"


def test_a_cut_marker_is_not_done(store: Store, cell: Cell):
    finish(store, cell)
    path = store.folder(cell.id) / "metrics.json"
    path.write_text(path.read_text()[:20])
    assert store.state(cell.id) == "pending"


def test_cell_json_holds_the_whole_preimage(store: Store, cell: Cell):
    assert store.read(cell.id)["preimage"] == training().model_dump(mode="json")


def test_new_labels_are_taken_over(store: Store, cell: Cell):
    store.register(trained_cell("renamed"))
    assert store.read(cell.id)["labels"]["model"] == "renamed"


def test_a_class_that_moved_is_found_again(store: Store, cell: Cell):
    store.register(trained_cell("m", "elsewhere.B"))
    assert store.read(cell.id)["launch"] == {"model_class": "elsewhere.B"}


def test_another_preimage_under_the_same_id_is_refused(store: Store, cell: Cell):
    path = store.folder(cell.id) / "cell.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 7'))
    with pytest.raises(TagbenchError, match="another configuration"):
        store.register(cell)


def test_unknown_cell(store: Store):
    with pytest.raises(TagbenchError, match="no cell 'abc'"):
        store.read("abc")


def _try_lock(results: Path, answer: multiprocessing.Queue[str]) -> None:
    try:
        with Store(results).lock():
            answer.put("locked")
    except TagbenchError:
        answer.put("refused")


def test_two_runs_cannot_share_a_folder(store: Store):
    context = multiprocessing.get_context("spawn")
    answer: multiprocessing.Queue[str] = context.Queue()
    with store.lock():
        process = context.Process(target=_try_lock, args=(store.results, answer))
        process.start()
        assert answer.get(timeout=60) == "refused"
        process.join()
    process = context.Process(target=_try_lock, args=(store.results, answer))
    process.start()
    assert answer.get(timeout=60) == "locked"
    process.join()
