"""What ``build_tables`` accepts, refuses and records as a failure."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmark.report.terminal import render_leaderboard
from benchmark.score.tables.build import build_tables
from benchmark.store.predictions import load_predictions
from benchmark.store.tables import read_tables, to_csv, write_tables
from datamodules.common.errors import TagbenchError
from tests.support.scored import FAILURE, evaluation, only_row, scores_by_hand, simulated


def test_bytes_do_not_depend_on_the_order_of_cells_or_on_threads(three_models, tmp_path):
    cells, tables = three_models
    again = build_tables(cells[::-1], [FAILURE], n_boot=200, threads=1)
    for name, frame in tables.frames().items():
        assert to_csv(frame) == to_csv(again.frames()[name])
    write_tables(tables, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(before) == {
        *("failures.csv", "leaderboard.csv", "long_tail.csv", "per_tag.csv", "robustness.csv"),
        *("summary.csv", "comparisons.csv", "ranks.csv", "per_category.csv", "consistency.csv"),
        "tables.json",
    }
    write_tables(read_tables(tmp_path), tmp_path)
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert b"-0.000000" not in b"".join(before.values())


def test_tables_of_failures_alone(tmp_path):
    tables = build_tables([], [FAILURE])
    assert [len(frame) for frame in tables.frames().values()] == [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    write_tables(tables, tmp_path)
    assert (tmp_path / "robustness.csv").read_text().startswith("dataset,model,perturbation")
    assert (tmp_path / "failures.csv").read_text().splitlines()[1] == (
        "synth,crnn,0,white_noise,15.000000,evaluate,RuntimeError: no memory,c0ffee"
    )
    render_leaderboard(tables)


def test_failures_file_is_there_when_nothing_failed(three_models, tmp_path):
    write_tables(build_tables(three_models[0][:1], n_boot=5), tmp_path)
    assert (tmp_path / "failures.csv").read_text() == (
        "dataset,model,seed,perturbation,level,stage,error,cell_id\n"
    )


def test_unreadable_and_invalid_predictions_are_failures(tmp_path):
    cells = scores_by_hand(tmp_path)
    cells[0].predictions.write_bytes(b"PK broken")
    stored = dict(np.load(cells[3].predictions))
    np.savez(cells[3].predictions, **{**stored, "scores": np.full((4, 2), np.nan)})
    cells[4].predictions.unlink()
    tables = build_tables(cells, n_boot=5)
    failed = tables.failures.set_index("cell_id")
    assert (failed["stage"] == "score").all()
    assert "cannot be read" in failed.loc[cells[0].cell_id, "error"]
    assert "contain NaN or infinity" in failed.loc[cells[3].cell_id, "error"]
    assert "missing" in failed.loc[cells[4].cell_id, "error"]
    assert str(tmp_path) not in "".join(failed["error"])  # equal on every machine
    assert set(tables.leaderboard["model"]) == {"best", "even_a", "even_b"}


def test_single_label(tmp_path):
    cells = simulated(tmp_path, task="singlelabel")
    tables = build_tables(cells, n_boot=50)
    assert tables.task == "singlelabel"
    stored = load_predictions(cells[0].predictions)
    classes, predicted = stored.targets.argmax(axis=1), stored.scores.argmax(axis=1)
    fcn = only_row(tables.leaderboard, model="fcn")
    assert fcn["accuracy"] == pytest.approx((classes == predicted).mean(), abs=1e-6)
    assert fcn["accuracy_low"] < fcn["accuracy"] < fcn["accuracy_high"]
    assert fcn["top3_accuracy"] > fcn["accuracy"]
    assert "white_noise_accuracy" in tables.leaderboard.columns
    assert tables.leaderboard["accuracy"].is_monotonic_decreasing
    write_tables(tables, tmp_path)
    assert read_tables(tmp_path).task == "singlelabel"


def test_single_label_tracks_have_one_class(tmp_path):
    cell = evaluation(tmp_path, [[0.1, 0.9], [0.5, 0.5]], [[1, 1], [1, 0]], task="singlelabel")
    with pytest.raises(TagbenchError, match="exactly one class"):
        build_tables([cell])


def test_two_evaluations_of_one_condition_are_refused(tmp_path):
    cells = scores_by_hand(tmp_path)
    twin = dataclasses.replace(cells[0], cell_id="twin")
    with pytest.raises(TagbenchError, match=r"Two evaluations of 'best'.*twin"):
        build_tables([*cells, twin])


def test_different_splits_are_refused(tmp_path):
    cells = scores_by_hand(tmp_path)
    other = evaluation(
        tmp_path,
        np.random.RandomState(0).rand(4, 2),
        [[1, 0], [1, 0], [0, 1], [0, 0]],
        model="other",
        tracks=np.array(["u1", "u2", "u3", "u4"]),
    )
    with pytest.raises(TagbenchError, match="track_ids differ"):
        build_tables([*cells, other])


@pytest.mark.parametrize("field", ["dataset", "task"])
def test_tables_hold_one_dataset_and_one_task(tmp_path, field):
    cells = scores_by_hand(tmp_path)
    cells[1] = dataclasses.replace(cells[1], **{field: "singlelabel"})
    with pytest.raises(TagbenchError, match=f"one {field}"):
        build_tables(cells)
