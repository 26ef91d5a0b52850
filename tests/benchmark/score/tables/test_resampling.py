"""Intervals of the tables: seeds, clusters of tracks, paired differences."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.score.tables.build import build_tables
from tests.support.scored import GOOD, POOR, evaluation, only_row, simulated


def test_a_paired_drop_has_a_narrower_interval_than_the_score(three_models):
    _, tables = three_models
    noisy = only_row(
        tables.robustness, model="fcn", perturbation="pitch_up", severity=1, metric="f1"
    )
    assert noisy["drop_high"] - noisy["drop_low"] < noisy["high"] - noisy["low"]


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
    board = only_row(tables.leaderboard, model="fcn")
    assert board["n_seeds"] == 2
    assert board["roc_auc"] == pytest.approx((1 + GOOD) / 2, abs=1e-6)
    noisy = only_row(tables.robustness, severity=1, metric="roc_auc")
    assert noisy["n_seeds"] == 1
    assert noisy["value"] == pytest.approx(POOR, abs=1e-6)
    assert noisy["drop"] == pytest.approx(GOOD - POOR, abs=1e-6)  # against its own seed


def test_the_interval_includes_the_variance_between_seeds(tmp_path):
    rng = np.random.RandomState(0)
    targets = (rng.rand(3000, 1) < 0.5).astype(int)
    cells = [
        evaluation(tmp_path, signal * targets + rng.randn(3000, 1), targets, seed=seed)
        for seed, signal in enumerate((0.3, 1.5))
    ]
    both = build_tables(cells, n_boot=200).leaderboard.iloc[0]
    first = build_tables(cells[:1], n_boot=200).leaderboard.iloc[0]
    width = both["roc_auc_high"] - both["roc_auc_low"]
    assert width > 4 * (first["roc_auc_high"] - first["roc_auc_low"])


def test_clusters_widen_the_interval(tmp_path):
    songs = np.repeat([f"s{i:02d}" for i in range(18)], 5)
    apart = simulated(tmp_path / "a", ["fcn"])[:1]
    stored = dict(np.load(apart[0].predictions))
    rows = np.repeat(np.arange(18), 5)  # five equal tracks a song
    together = evaluation(
        tmp_path / "b", stored["scores"][rows], stored["targets"][rows], clusters=songs
    )
    alone = evaluation(tmp_path / "c", stored["scores"][rows], stored["targets"][rows])
    wide, narrow = (
        build_tables([cell], n_boot=300).leaderboard.iloc[0] for cell in (together, alone)
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
