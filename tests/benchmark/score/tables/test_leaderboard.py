from __future__ import annotations

import dataclasses
import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmark.report.terminal import render_leaderboard
from benchmark.score.tables.build import build_tables
from benchmark.score.tables.schema import all_tables
from benchmark.score.tables.verify import verify_tables
from benchmark.store.predictions import CellFailure, load_predictions
from benchmark.store.tables import read_tables, to_csv, write_tables
from datamodules.common.errors import TagbenchError
from tests.support.scored import evaluation, simulated

FAILURE = CellFailure(
    "synth", "crnn", 0, "white_noise", 15.0, "evaluate", "RuntimeError: no memory", "c0ffee"
)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    cells = simulated(tmp_path_factory.mktemp("small"))
    return cells, build_tables(cells, [FAILURE], n_boot=200)


def row(frame, **wanted):
    for name, value in wanted.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1, wanted
    return frame.iloc[0]


def by_hand(folder):
    """Two tags, four tracks; ROC-AUC and so on are countable."""
    targets = [[1, 0], [1, 0], [0, 1], [0, 0]]
    perfect = [[0.9, 0.1], [0.8, 0.2], [0.2, 0.9], [0.1, 0.3]]
    # First tag: three of four pairs in order; second: perfect.
    good = [[0.9, 0.1], [0.3, 0.2], [0.5, 0.9], [0.1, 0.3]]
    # First tag 1/4; second: 2 of 3 pairs.
    poor = [[0.1, 0.1], [0.6, 0.8], [0.5, 0.7], [0.9, 0.3]]
    noise = {"perturbation": "white_noise"}
    return [
        evaluation(folder, perfect, targets, model="best"),
        evaluation(folder, good, targets, model="best", severity=1, **noise),
        evaluation(folder, poor, targets, model="best", severity=3, **noise),
        evaluation(folder, good, targets, model="even_b"),
        evaluation(folder, good, targets, model="even_a"),
        evaluation(folder, good, targets, model="even_a", severity=1, **noise),
        evaluation(folder, good, targets, model="even_a", severity=3, **noise),
    ]


GOOD, POOR = (0.75 + 1.0) / 2, (0.25 + 2 / 3) / 2


def test_scores_ranks_drops_and_mce_by_hand(tmp_path):
    tables = build_tables(by_hand(tmp_path), n_boot=50, baseline="even_a")
    board = tables.leaderboard
    assert board["model"].tolist() == ["best", "even_a", "even_b"]
    assert board["rank"].tolist() == [1, 2, 2]
    np.testing.assert_allclose(board["roc_auc"], [1.0, GOOD, GOOD], atol=1e-6)
    best = row(board, model="best")
    assert best["white_noise_roc_auc"] == pytest.approx((GOOD + POOR) / 2, abs=1e-6)
    assert best["white_noise_drop"] == pytest.approx(1 - (GOOD + POOR) / 2, abs=1e-6)
    assert best["mce"] == pytest.approx((2 - GOOD - POOR) / (2 - 2 * GOOD), abs=1e-6)
    assert row(board, model="even_a")["mce"] == 1.0
    # even_b was not perturbed at all, and the baseline never drops: nothing to divide by.
    assert pd.isna(row(board, model="even_b")["white_noise_drop"])
    assert pd.isna(row(board, model="even_b")["mce"])
    assert board["relative_mce"].isna().all()
    noisy = row(tables.robustness, model="best", severity=3, metric="roc_auc")
    assert noisy["value"] == pytest.approx(POOR, abs=1e-6)
    assert noisy["drop"] == pytest.approx(1 - POOR, abs=1e-6)
    tag = row(tables.per_tag, model="best", severity=3, tag="tag0")
    assert tag["roc_auc"] == 0.25
    assert tag["drop"] == 0.75
    assert tag["n_positive"] == 2


def test_columns_are_the_published_ones(small):
    _, tables = small
    board = list(tables.leaderboard.columns)
    assert board[:14] == [
        *("rank", "rank_low", "rank_high", "model", "n_seeds", "n_tracks", "n_valid_tags"),
        *("n_params", "roc_auc", "roc_auc_low", "roc_auc_high"),
        *("pr_auc", "pr_auc_low", "pr_auc_high"),
    ]
    ordered = ["pr_auc_trapezoid", "f1", "mcc", "pitch_shift_roc_auc", "pitch_shift_drop"]
    ordered += ["white_noise_roc_auc", "white_noise_drop", "mce", "relative_mce"]
    ordered += ["macs_per_second_of_audio", "protocol", "windows", "preset", "manifest_digest"]
    assert [board.index(name) for name in ordered] == sorted(board.index(n) for n in ordered)
    assert board.index("relative_mce") == board.index("mce") + 1
    assert list(tables.robustness.columns) == [
        *("dataset", "model", "perturbation", "level", "unit", "metric", "value", "low", "high"),
        *("drop", "drop_low", "drop_high", "n_tracks", "n_seeds", "protocol"),
        *("severity", "family", "n_tags", "p_drop_holm"),
    ]
    assert list(tables.per_tag.columns)[:10] == [
        *("dataset", "model", "perturbation", "severity", "tag", "n_positive", "roc_auc"),
        *("low", "high", "pr_auc"),
    ]
    assert list(tables.failures.columns) == [
        *("dataset", "model", "seed", "perturbation", "level", "stage", "error", "cell_id"),
    ]


def test_values_are_those_of_the_stored_predictions(small):
    cells, tables = small
    for cell in cells:
        stored = load_predictions(cell.predictions)
        for metric, function in (("roc_auc", roc_auc_score), ("pr_auc", average_precision_score)):
            found = row(
                tables.robustness,
                model=cell.model,
                perturbation=cell.condition.perturbation,
                severity=cell.condition.severity,
                metric=metric,
            )
            expected = function(stored.targets, stored.scores, average="macro")
            assert found["value"] == pytest.approx(expected, abs=6e-7)
            assert found["low"] <= found["value"] <= found["high"]
    fcn = row(tables.leaderboard, model="fcn")
    up_and_down = tables.robustness.query(
        "model == 'fcn' and family == 'pitch_shift' and metric == 'roc_auc'"
    )
    assert fcn["pitch_shift_roc_auc"] == pytest.approx(up_and_down["value"].mean(), abs=1e-6)
    assert fcn["pitch_shift_drop"] == pytest.approx(up_and_down["drop"].mean(), abs=1e-6)
    assert fcn["pitch_shift_drop_low"] > 0
    assert fcn["manifest_digest"] == "ab" * 6
    assert fcn["n_params"] == 1000


def test_a_drop_is_tighter_than_two_scores_apart(small):
    _, tables = small
    noisy = row(tables.robustness, model="fcn", perturbation="pitch_up", severity=1, metric="f1")
    assert noisy["drop_high"] - noisy["drop_low"] < noisy["high"] - noisy["low"]


def test_clean_rows_have_no_drop(small):
    clean = small[1].robustness.query("severity == 0")
    assert (clean[["drop", "drop_low", "drop_high"]] == 0).all(axis=None)


def test_the_floor_scores_one_half(small):
    prior = row(small[1].leaderboard, model="tag_prior")
    assert prior["roc_auc"] == 0.5
    assert prior["mcc"] == 0.0
    assert prior["rank"] == 3


def test_models_without_a_clean_score_are_listed_last(small):
    board = small[1].leaderboard
    assert board["model"].iloc[-1] == "crnn"
    assert pd.isna(board["rank"].iloc[-1])
    assert board["n_seeds"].iloc[-1] == 0


def test_bytes_do_not_depend_on_order_threads_or_time(small, tmp_path):
    cells, tables = small
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


def test_a_missing_condition_leaves_blanks(small, tmp_path):
    cells, tables = small
    kept = [
        one for one in cells if (one.model, one.condition.perturbation) != ("musicnn", "pitch_down")
    ]
    partial = build_tables(kept, n_boot=200)
    musicnn = row(partial.leaderboard, model="musicnn")
    assert pd.isna(musicnn["pitch_shift_drop"])
    assert pd.isna(musicnn["mce"])
    before = row(tables.leaderboard, model="musicnn")
    for name in ("rank", "roc_auc", "roc_auc_low", "white_noise_drop", "white_noise_drop_high"):
        assert musicnn[name] == before[name]
    assert len(partial.robustness) == len(tables.robustness) - 2 * 5


def test_a_missing_clean_evaluation_leaves_drops_blank(small):
    cells, _ = small
    kept = [one for one in cells if (one.model, one.condition.severity) != ("fcn", 0)]
    tables = build_tables(kept, n_boot=50)
    assert tables.leaderboard["model"].tolist() == ["musicnn", "tag_prior", "fcn"]
    rows = tables.robustness.query("model == 'fcn'")
    assert rows["drop"].isna().all()
    assert rows["value"].notna().all()


def test_without_the_baseline_mce_is_blank(small):
    tables = build_tables(small[0], n_boot=20, baseline="hcnn")
    assert tables.leaderboard[["mce", "relative_mce", "mce_low"]].isna().all(axis=None)


def test_nothing_but_failures(tmp_path):
    tables = build_tables([], [FAILURE])
    assert [len(frame) for frame in tables.frames().values()] == [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    write_tables(tables, tmp_path)
    assert (tmp_path / "robustness.csv").read_text().startswith("dataset,model,perturbation")
    assert (tmp_path / "failures.csv").read_text().splitlines()[1] == (
        "synth,crnn,0,white_noise,15.000000,evaluate,RuntimeError: no memory,c0ffee"
    )
    render_leaderboard(tables)


def test_failures_file_is_there_when_nothing_failed(small, tmp_path):
    write_tables(build_tables(small[0][:1], n_boot=5), tmp_path)
    assert (tmp_path / "failures.csv").read_text() == (
        "dataset,model,seed,perturbation,level,stage,error,cell_id\n"
    )


def test_unreadable_and_invalid_predictions_are_failures(tmp_path):
    cells = by_hand(tmp_path)
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


def test_predictions_of_other_shape_are_refused(tmp_path):
    cell = by_hand(tmp_path)[0]
    stored = dict(np.load(cell.predictions))
    np.savez(cell.predictions, **{**stored, "targets": stored["targets"][:3]})
    with pytest.raises(TagbenchError, match=r"targets has shape \(3, 2\), expected \(4, 2\)"):
        load_predictions(cell.predictions)


def test_seeds_are_averaged_and_paired(tmp_path):
    targets = [[1, 0], [1, 0], [0, 1], [0, 0]]
    perfect = [[0.9, 0.1], [0.8, 0.2], [0.2, 0.9], [0.1, 0.3]]
    good = [[0.9, 0.1], [0.3, 0.2], [0.5, 0.9], [0.1, 0.3]]
    poor = [[0.1, 0.1], [0.6, 0.8], [0.5, 0.7], [0.9, 0.3]]
    noise = {"perturbation": "white_noise", "severity": 1}
    cells = [
        evaluation(tmp_path, perfect, targets, seed=0),
        evaluation(tmp_path, good, targets, seed=1),
        evaluation(tmp_path, poor, targets, seed=1, **noise),  # seed 0 failed here
    ]
    tables = build_tables(cells, n_boot=100)
    board = row(tables.leaderboard, model="fcn")
    assert board["n_seeds"] == 2
    assert board["roc_auc"] == pytest.approx((1 + GOOD) / 2, abs=1e-6)
    noisy = row(tables.robustness, severity=1, metric="roc_auc")
    assert noisy["n_seeds"] == 1
    assert noisy["value"] == pytest.approx(POOR, abs=1e-6)
    assert noisy["drop"] == pytest.approx(GOOD - POOR, abs=1e-6)  # against its own seed


def test_more_seeds_widen_by_the_luck_of_training(tmp_path):
    rng = np.random.RandomState(0)
    targets = (rng.rand(3000, 1) < 0.5).astype(int)
    cells = [
        evaluation(tmp_path, signal * targets + rng.randn(3000, 1), targets, seed=seed)
        for seed, signal in enumerate((0.3, 1.5))
    ]
    both = build_tables(cells, n_boot=200).leaderboard.iloc[0]
    one = build_tables(cells[:1], n_boot=200).leaderboard.iloc[0]
    width = both["roc_auc_high"] - both["roc_auc_low"]
    assert width > 4 * (one["roc_auc_high"] - one["roc_auc_low"])


def test_clusters_widen_the_interval(tmp_path):
    songs = np.repeat([f"s{i:02d}" for i in range(18)], 5)
    apart = simulated(tmp_path / "a", ["fcn"])[:1]
    stored = dict(np.load(apart[0].predictions))
    base = np.repeat(np.arange(18), 5)  # five equal tracks a song
    together = evaluation(
        tmp_path / "b", stored["scores"][base], stored["targets"][base], clusters=songs
    )
    alone = dataclasses.replace(
        evaluation(tmp_path / "c", stored["scores"][base], stored["targets"][base])
    )
    wide, narrow = (
        build_tables([one], n_boot=300).leaderboard.iloc[0] for one in (together, alone)
    )
    assert wide["n_clusters"] == 18
    assert wide["roc_auc"] == narrow["roc_auc"]
    ratio = (wide["roc_auc_high"] - wide["roc_auc_low"]) / (
        narrow["roc_auc_high"] - narrow["roc_auc_low"]
    )
    assert 1.8 < ratio < 2.8  # the square root of five


def test_one_cluster_has_no_interval(tmp_path):
    tables = build_tables(
        [evaluation(tmp_path, [[0.1], [0.9]], [[0], [1]], clusters=["a", "a"])], n_boot=20
    )
    board = tables.leaderboard.iloc[0]
    assert board["roc_auc"] == 1.0
    assert board[["roc_auc_low", "roc_auc_high", "rank_low"]].isna().all()
    assert tables.per_tag["low"].isna().all()


def test_single_label(tmp_path):
    cells = simulated(tmp_path, task="singlelabel")
    tables = build_tables(cells, n_boot=50)
    assert tables.task == "singlelabel"
    stored = load_predictions(cells[0].predictions)
    truth, guess = stored.targets.argmax(axis=1), stored.scores.argmax(axis=1)
    fcn = row(tables.leaderboard, model="fcn")
    assert fcn["accuracy"] == pytest.approx((truth == guess).mean(), abs=1e-6)
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


def test_other_protocols_have_columns_of_their_own(tmp_path):
    cells = by_hand(tmp_path)[:3]
    cells.append(
        dataclasses.replace(
            cells[2],
            cell_id="w",
            condition=dataclasses.replace(
                cells[2].condition, protocol="won2020", perturbation="won2020_white_noise"
            ),
        )
    )
    board = build_tables(cells, n_boot=20, baseline="best").leaderboard.iloc[0]
    assert board["protocol"] == "suite"
    assert board["white_noise_drop"] == pytest.approx(1 - (GOOD + POOR) / 2, abs=1e-6)
    assert board["won2020_white_noise_drop"] == pytest.approx(1 - POOR, abs=1e-6)
    alone = build_tables([cells[0], cells[3]], n_boot=20, baseline="best").leaderboard.iloc[0]
    assert alone["protocol"] == "won2020"
    assert alone["mce"] == 1.0


def test_two_evaluations_of_one_condition_are_refused(tmp_path):
    cells = by_hand(tmp_path)
    twin = dataclasses.replace(cells[0], cell_id="twin")
    with pytest.raises(TagbenchError, match=r"Two evaluations of 'best'.*twin"):
        build_tables([*cells, twin])


def test_different_splits_are_refused(tmp_path):
    cells = by_hand(tmp_path)
    other = evaluation(
        tmp_path,
        np.random.RandomState(0).rand(4, 2),
        [[1, 0], [1, 0], [0, 1], [0, 0]],
        model="stranger",
        tracks=np.array(["u1", "u2", "u3", "u4"]),
    )
    with pytest.raises(TagbenchError, match="track_ids differ"):
        build_tables([*cells, other])


@pytest.mark.parametrize("fact", ["dataset", "task"])
def test_a_leaderboard_is_about_one_thing(tmp_path, fact):
    cells = by_hand(tmp_path)
    cells[1] = dataclasses.replace(cells[1], **{fact: "singlelabel"})
    with pytest.raises(TagbenchError, match=f"one {fact}"):
        build_tables(cells)


def test_terminal_table_fits_a_hundred_columns(small):
    _, tables = small
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(render_leaderboard(tables))
    lines = console.export_text().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 100
    fcn = next(line for line in lines if "fcn" in line)
    board = row(tables.leaderboard, model="fcn")
    low, high = board["roc_auc_low"], board["roc_auc_high"]
    assert f"{board['roc_auc']:.3f} [{low:.3f}, {high:.3f}]" in fcn
    assert f"{board['white_noise_drop']:.3f}" in fcn
    assert any("crnn" in line and "no clean evaluation" in line for line in lines)


def test_verify_confirms_what_was_written(small, tmp_path):
    cells, tables = small
    write_tables(tables, tmp_path)
    assert verify_tables(tmp_path, build_tables(cells, [FAILURE], n_boot=200)) == []


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("leaderboard.csv", "roc_auc"),
        ("robustness.csv", "value"),
        ("per_tag.csv", "roc_auc"),
        ("summary.csv", "value"),
        ("comparisons.csv", "p_beats"),
        ("ranks.csv", "kendall_tau"),
        ("consistency.csv", "value"),
    ],
)
def test_verify_finds_one_changed_digit(small, tmp_path, name, column):
    _, tables = small
    write_tables(tables, tmp_path)
    path = tmp_path / name
    lines = path.read_text().splitlines()
    at = lines[0].split(",").index(column)
    values = lines[2].split(",")
    original = values[at]
    values[at] = original[:-1] + str((int(original[-1]) + 1) % 10)
    path.write_text("\n".join([*lines[:2], ",".join(values), *lines[3:]]) + "\n")
    (found,) = verify_tables(tmp_path, tables)
    assert found.file == name
    assert found.column == column
    assert (found.stored, found.recomputed) == (values[at], original)
    assert (
        values[lines[0].split(",").index(all_tables()[name.removesuffix(".csv")].keys[0])]
        in found.row
    )


def test_verify_finds_rows_added_removed_reordered_and_files_missing(small, tmp_path):
    _, tables = small
    write_tables(tables, tmp_path)
    path = tmp_path / "leaderboard.csv"
    text = path.read_text()
    lines = text.splitlines(keepends=True)

    def differences(changed):
        path.write_text(changed)
        return [(one.row, one.column, one.stored) for one in verify_tables(tmp_path, tables)]

    assert differences("".join(lines[:1] + lines[2:])) == [("fcn", "row", "missing")]
    assert differences(text + lines[1]) == [("fcn again", "row", "present")]
    assert differences("".join([lines[0], *lines[:0:-1]])) == [("", "order", "other bytes")]
    assert differences(text.replace("\n", "\r\n"))
    assert differences(text.replace("rank_low", "rank_lo", 1))[0][1] == "columns"
    path.unlink()
    assert [one.column for one in verify_tables(tmp_path, tables)] == ["file"]


def test_reading_needs_the_files(tmp_path):
    with pytest.raises(TagbenchError, match=r"no tables\.json"):
        read_tables(tmp_path)
