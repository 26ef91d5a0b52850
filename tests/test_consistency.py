"""Robustness without labels, against oracles and by hand."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console
from scipy.special import logit
from scipy.stats import spearmanr

from benchmark import consistency, metrics
from benchmark.bootstrap import draw_weights
from benchmark.leaderboard import build_tables
from benchmark.records import load_predictions
from tests.scored import evaluation, simulated


def test_measures_by_hand():
    clean = np.array([[0.9, 0.6, 0.4, 0.3, 0.2, 0.1], [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]])
    other = np.array([[0.9, 0.4, 0.6, 0.3, 0.1, 0.2], [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]])
    found = consistency.of_tracks(clean, other, single=False)
    assert consistency.names(6) == ("mean_abs_dlogit", "spearman", "top5_overlap", "flip_rate")
    moved = 2 * abs(logit(0.6) - logit(0.4)) + 2 * abs(logit(0.2) - logit(0.1))
    np.testing.assert_allclose(found[0], [moved / 6, 1 - 6 * 4 / (6 * 35), 0.8, 2 / 6])
    np.testing.assert_allclose(found[1], [0, np.nan, 1, 0])
    single = consistency.of_tracks(clean[:, :3], clean[:, [1, 0, 2]], single=True)
    assert consistency.names(3) == ("mean_abs_dlogit", "spearman", "flip_rate")
    assert single[:, -1].tolist() == [1, 0]


def test_spearman_equals_scipy_with_ties():
    rng = np.random.RandomState(0)
    one, other = rng.randint(0, 6, (30, 9)), rng.randint(0, 6, (30, 9))
    found = consistency.spearman(one, other)
    expected = [spearmanr(a, b).statistic for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_log_odds_of_certainty_are_finite():
    found = consistency.log_odds(np.array([0, 1e-9, 0.5, 1], dtype=np.float32))
    np.testing.assert_allclose(found, [logit(1e-6), logit(1e-6), 0, -logit(1e-6)], atol=1e-9)


def test_weighted_means_leave_out_what_is_missing():
    rng = np.random.RandomState(0)
    values = rng.randn(40, 3)
    values[5:9, 1] = np.nan
    weights = draw_weights(np.arange(40).astype(str), 70, "x")
    found = weights.trim(metrics.weighted_mean(values, weights.packed))
    rows = weights.packed.transpose(0, 2, 1).reshape(-1, 40)[:71].astype(float)
    for r in (0, 1, 70):
        for q in range(3):
            known = ~np.isnan(values[:, q])
            expected = np.average(values[known, q], weights=rows[r, known])
            assert found[q, r] == pytest.approx(expected, abs=1e-12)


def test_the_table(tmp_path):
    cells = simulated(tmp_path, ["fcn", "tag_prior"], c=7)
    frame = build_tables(cells, n_boot=100).consistency
    assert len(frame) == 2 * 6 * 4
    rows = frame.set_index(["model", "perturbation", "severity", "metric"])
    clean, here = (
        load_predictions(one.predictions).scores
        for one in cells
        if one.model == "fcn"
        and (one.perturbation, one.severity) in (("clean", 0), ("white_noise", 3))
    )
    row = rows.loc["fcn", "white_noise", 3, "mean_abs_dlogit"]
    expected = np.abs(logit(here.astype(float)) - logit(clean.astype(float))).mean()
    assert row["value"] == pytest.approx(expected, abs=1e-6)
    assert row["low"] < row["value"] < row["high"]
    assert row["n_tracks"] == 90
    still = frame.query("model == 'tag_prior'")
    assert still.query("metric in ('mean_abs_dlogit', 'flip_rate')")["value"].eq(0).all()
    assert still.query("metric in ('spearman', 'top5_overlap')")["value"].eq(1).all()
    mild, strong = (rows.loc["fcn", "white_noise", s, "spearman"]["value"] for s in (1, 3))
    assert strong < mild < 1


def test_without_labels_it_is_all_that_there_is(tmp_path):
    rng = np.random.RandomState(0)
    nothing = np.zeros((20, 6), dtype=int)
    clean = rng.rand(20, 6)
    cells = [
        evaluation(tmp_path, clean, nothing),
        evaluation(tmp_path, clean**1.1, nothing, perturbation="white_noise", severity=3),
    ]
    for task in ("multilabel", "singlelabel"):
        labelled = [type(one)(**{**one.__dict__, "task": task}) for one in cells]
        tables = build_tables(labelled, n_boot=50)
        assert tables.leaderboard["rank"].isna().all()
        assert tables.leaderboard["n_valid_tags"].tolist() == [0]
        assert tables.robustness["value"].isna().all()
        assert tables.consistency["value"].notna().all()
        assert tables.comparisons.empty
        assert tables.ranks.empty


def test_it_needs_a_clean_evaluation(tmp_path):
    cells = [one for one in simulated(tmp_path, ["fcn"]) if one.severity]
    assert build_tables(cells, n_boot=5).consistency.empty


def test_the_terminal_shows_the_families(tmp_path):
    tables = build_tables(simulated(tmp_path), n_boot=5)
    out = io.StringIO()
    table = consistency.render_consistency(tables.consistency, "mine")
    Console(file=out, width=100).print(table)
    lines = out.getvalue().splitlines()
    mean = tables.consistency.query(
        "model == 'fcn' and family == 'pitch_shift' and metric == 'mean_abs_dlogit'"
    )["value"].mean()
    assert f"{mean:.3f}" in next(line for line in lines if line.startswith("fcn"))
    assert [line.split()[0] for line in lines[-3:]] == ["fcn", "musicnn", "tag_prior"]
