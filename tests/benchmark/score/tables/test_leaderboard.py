"""Columns and values of ``leaderboard.csv`` and of the tables that it summarises."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmark.score.tables.build import build_tables
from benchmark.store.predictions import load_predictions
from tests.support.scored import GOOD, POOR, only_row, scores_by_hand


def test_scores_ranks_drops_and_mce_scores_by_hand(tmp_path):
    tables = build_tables(scores_by_hand(tmp_path), n_boot=50, baseline="even_a")
    board = tables.leaderboard
    assert board["model"].tolist() == ["best", "even_a", "even_b"]
    assert board["rank"].tolist() == [1, 2, 2]
    np.testing.assert_allclose(board["roc_auc"], [1.0, GOOD, GOOD], atol=1e-6)
    best = only_row(board, model="best")
    assert best["white_noise_roc_auc"] == pytest.approx((GOOD + POOR) / 2, abs=1e-6)
    assert best["white_noise_drop"] == pytest.approx(1 - (GOOD + POOR) / 2, abs=1e-6)
    assert best["mce"] == pytest.approx((2 - GOOD - POOR) / (2 - 2 * GOOD), abs=1e-6)
    assert only_row(board, model="even_a")["mce"] == 1.0
    # even_b was not perturbed at all, and the baseline never drops: nothing to divide by.
    assert pd.isna(only_row(board, model="even_b")["white_noise_drop"])
    assert pd.isna(only_row(board, model="even_b")["mce"])
    assert board["relative_mce"].isna().all()
    noisy = only_row(tables.robustness, model="best", severity=3, metric="roc_auc")
    assert noisy["value"] == pytest.approx(POOR, abs=1e-6)
    assert noisy["drop"] == pytest.approx(1 - POOR, abs=1e-6)
    tag = only_row(tables.per_tag, model="best", severity=3, tag="tag0")
    assert tag["roc_auc"] == 0.25
    assert tag["drop"] == 0.75
    assert tag["n_positive"] == 2


def test_columns_and_their_order(three_models):
    _, tables = three_models
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


def test_values_are_those_of_the_stored_predictions(three_models):
    cells, tables = three_models
    for cell in cells:
        stored = load_predictions(cell.predictions)
        for metric, function in (("roc_auc", roc_auc_score), ("pr_auc", average_precision_score)):
            row = only_row(
                tables.robustness,
                model=cell.model,
                perturbation=cell.condition.perturbation,
                severity=cell.condition.severity,
                metric=metric,
            )
            expected = function(stored.targets, stored.scores, average="macro")
            assert row["value"] == pytest.approx(expected, abs=6e-7)
            assert row["low"] <= row["value"] <= row["high"]
    fcn = only_row(tables.leaderboard, model="fcn")
    up_and_down = tables.robustness.query(
        "model == 'fcn' and family == 'pitch_shift' and metric == 'roc_auc'"
    )
    assert fcn["pitch_shift_roc_auc"] == pytest.approx(up_and_down["value"].mean(), abs=1e-6)
    assert fcn["pitch_shift_drop"] == pytest.approx(up_and_down["drop"].mean(), abs=1e-6)
    assert fcn["pitch_shift_drop_low"] > 0
    assert fcn["manifest_digest"] == "ab" * 6
    assert fcn["n_params"] == 1000


def test_clean_rows_have_no_drop(three_models):
    clean = three_models[1].robustness.query("severity == 0")
    assert (clean[["drop", "drop_low", "drop_high"]] == 0).all(axis=None)


def test_a_constant_model_scores_one_half(three_models):
    constant = only_row(three_models[1].leaderboard, model="tag_prior")
    assert constant["roc_auc"] == 0.5
    assert constant["mcc"] == 0.0
    assert constant["rank"] == 3


def test_models_without_a_clean_score_are_listed_last(three_models):
    board = three_models[1].leaderboard
    assert board["model"].iloc[-1] == "crnn"
    assert pd.isna(board["rank"].iloc[-1])
    assert board["n_seeds"].iloc[-1] == 0


def test_a_missing_condition_leaves_blanks(three_models, tmp_path):
    cells, tables = three_models
    kept = [
        cell
        for cell in cells
        if (cell.model, cell.condition.perturbation) != ("musicnn", "pitch_down")
    ]
    partial = build_tables(kept, n_boot=200)
    musicnn = only_row(partial.leaderboard, model="musicnn")
    assert pd.isna(musicnn["pitch_shift_drop"])
    assert pd.isna(musicnn["mce"])
    before = only_row(tables.leaderboard, model="musicnn")
    for name in ("rank", "roc_auc", "roc_auc_low", "white_noise_drop", "white_noise_drop_high"):
        assert musicnn[name] == before[name]
    assert len(partial.robustness) == len(tables.robustness) - 2 * 5


def test_a_missing_clean_evaluation_leaves_drops_blank(three_models):
    cells, _ = three_models
    kept = [cell for cell in cells if (cell.model, cell.condition.severity) != ("fcn", 0)]
    tables = build_tables(kept, n_boot=50)
    assert tables.leaderboard["model"].tolist() == ["musicnn", "tag_prior", "fcn"]
    rows = tables.robustness.query("model == 'fcn'")
    assert rows["drop"].isna().all()
    assert rows["value"].notna().all()


def test_without_the_baseline_mce_is_blank(three_models):
    tables = build_tables(three_models[0], n_boot=20, baseline="hcnn")
    assert tables.leaderboard[["mce", "relative_mce", "mce_low"]].isna().all(axis=None)


def test_other_protocols_have_columns_of_their_own(tmp_path):
    cells = scores_by_hand(tmp_path)[:3]
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
