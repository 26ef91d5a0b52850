"""Summary, comparisons and ranks: agreement of the tables, and values by hand and by SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau, t, ttest_1samp

from benchmark.score import significance
from benchmark.score.tables.build import build_tables
from benchmark.store.tables import read_tables, write_tables
from datamodules.common.errors import TagbenchError
from tests.support.scored import evaluation, only_row, simulated


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return build_tables(simulated(tmp_path_factory.mktemp("cells")), n_boot=200)


def test_summary_agrees_with_the_leaderboard(tables):
    summary, board = tables.summary, tables.leaderboard.set_index("model")
    for model in ("fcn", "musicnn"):
        own = summary[(summary["model"] == model) & (summary["family"] == "all")]
        statistics = own.set_index("statistic")
        for name in ("mce", "relative_mce", "audc", "worst_drop"):
            assert statistics.loc[name, "value"] == board.loc[model, name]
        for name in ("mce", "audc", "worst_drop"):
            assert statistics.loc[name, "low"] == board.loc[model, f"{name}_low"]
        families = summary[(summary["model"] == model) & (summary["statistic"] == "ce")]
        assert families["family"].tolist() == ["pitch_shift", "white_noise"]
        assert families["value"].mean() == pytest.approx(board.loc[model, "mce"], abs=2e-6)
    assert (summary["metric"] == "roc_auc").all()
    assert "audc" not in set(summary.loc[summary["model"] == "tag_prior", "statistic"])  # no skill


def test_summary_by_hand(tables):
    rows = tables.robustness.query("model == 'fcn' and metric == 'roc_auc'")
    clean = rows.query("severity == 0")["value"].item()
    noise = rows.query("family == 'white_noise'").sort_values("severity")
    kept = (noise["value"].to_numpy() - 0.5) / (clean - 0.5)
    retention = only_row(
        tables.summary, model="fcn", protocol="suite", family="white_noise", statistic="retention"
    )
    assert retention["value"] == pytest.approx(kept.mean(), abs=2e-6)
    area = only_row(tables.summary, model="fcn", family="white_noise", statistic="audc")
    assert area["value"] == pytest.approx(np.trapezoid([1, *kept], x=[0, 1, 3]) / 3, abs=2e-6)
    worst = only_row(tables.summary, model="fcn", family="white_noise", statistic="worst_drop")
    assert worst["value"] == noise["drop"].max()
    critical = only_row(
        tables.summary, model="fcn", family="white_noise", statistic="critical_severity"
    )
    steps, drops = [0, 1, 3], [0, *noise["drop"]]
    assert critical["value"] == pytest.approx(np.interp(0.02, drops, steps), abs=1e-4)
    assert critical["low"] <= critical["value"] <= critical["high"]


def test_a_severity_that_is_never_reached_is_infinite_in_the_file_too(tables, tmp_path):
    prior = only_row(
        tables.summary, model="tag_prior", family="pitch_shift", statistic="critical_severity"
    )
    assert np.isinf([prior["value"], prior["low"], prior["high"]]).all()
    write_tables(tables, tmp_path)
    back = read_tables(tmp_path).summary
    assert np.isinf(back["value"]).sum() == np.isinf(tables.summary["value"]).sum() > 0


def test_every_pair_is_compared_in_every_scope(tables):
    frame, board = tables.comparisons, tables.leaderboard.set_index("model")
    assert frame["scope"].unique().tolist() == ["clean", "pitch_shift", "white_noise"]
    assert len(frame) == 3 * 3
    clean = only_row(frame, model_a="fcn", model_b="musicnn", scope="clean")
    gap = board.loc["fcn", "roc_auc"] - board.loc["musicnn", "roc_auc"]
    assert clean["difference"] == pytest.approx(gap, abs=2e-6)
    assert clean["low"] < clean["difference"] < clean["high"]
    assert np.isnan(clean["drop_difference"])
    noisy = only_row(frame, model_a="fcn", model_b="tag_prior", scope="white_noise")
    lost = board.loc["fcn", "white_noise_drop"] - board.loc["tag_prior", "white_noise_drop"]
    assert noisy["drop_difference"] == pytest.approx(lost, abs=2e-6)
    assert noisy["significant"]
    assert noisy["p_beats"] == 1.0
    assert frame["p_holm"].between(0, 1).all()


def test_significance_is_corrected_for_the_number_of_pairs(tmp_path):
    rng = np.random.RandomState(1)
    targets = (rng.rand(300, 3) < 0.4).astype(int)
    cells = [
        evaluation(tmp_path, targets + 1.5 * rng.randn(300, 3), targets, model=f"m{i}")
        for i in range(12)
    ]
    frame = build_tables(cells, n_boot=300).comparisons
    assert len(frame) == 66
    # Equal models: uncorrected, some of 66 intervals miss zero.
    missed = (frame["low"] > 0) | (frame["high"] < 0)
    assert missed.any()
    assert not frame["significant"].any()
    # The p-value of a better model survives 66 claims; the share of 300 replicates could not.
    cells.append(evaluation(tmp_path, 3 * targets + rng.randn(300, 3), targets, model="good"))
    best = build_tables(cells, n_boot=300).comparisons.query("model_a == 'good'")
    assert best["significant"].all()


def test_p_values_of_the_tail_are_those_of_a_t_test():
    rng = np.random.RandomState(0)
    values = 0.3 + rng.randn(40)
    replicates = [rng.choice(values, 40).mean() for _ in range(20000)]
    p_value = significance.tail_p(np.array([values.mean(), *replicates]), n_clusters=40)
    exact = ttest_1samp(values, 0, alternative="greater").pvalue
    assert p_value == pytest.approx(exact, rel=0.25)
    still = np.array([[0.1, 0.1, 0.1], [0.0, 0.0, 0.0], [np.nan] * 3])
    np.testing.assert_allclose(significance.tail_p(still, 9), [1 / 3, 1, np.nan])
    assert np.isnan(significance.tail_p(still[0], 1))
    spread = np.array([0.2, *(0.2 + 0.1 * np.array([-1, 0, 1])), np.nan])
    assert significance.tail_p(spread, 5) == pytest.approx(t.sf(2.0, 4))


def test_drops_are_tested_for_all_conditions_together(tables):
    rows = tables.robustness.query("metric == 'roc_auc'")
    assert rows.query("severity == 0")["p_drop_holm"].isna().all()
    perturbed = rows.query("severity > 0")
    assert perturbed["p_drop_holm"].notna().all()
    assert (perturbed.query("model == 'tag_prior'")["p_drop_holm"] == 1).all()
    strong = perturbed.query("model == 'fcn' and drop_low > 0.05")
    assert len(strong)
    assert (strong["p_drop_holm"] < 0.01).all()
    assert (rows["n_tags"] == 5).all()


def test_ranks_agree_with_scipy(tables):
    frame, scores = tables.ranks, tables.robustness.query("metric == 'roc_auc'")
    assert len(frame) == 6
    clean = scores.query("severity == 0").set_index("model")["value"]
    for rank in frame.to_dict("records"):
        here = scores[
            (scores["perturbation"] == rank["perturbation"])
            & (scores["severity"] == rank["severity"])
        ].set_index("model")["value"]
        assert rank["kendall_tau"] == pytest.approx(kendalltau(clean, here[clean.index]).statistic)
        assert rank["low"] <= rank["kendall_tau"] <= rank["high"]
        assert rank["n_models"] == 3
        assert 0.8 < rank["noise_ceiling"] <= 1


def test_a_swap_is_reported_only_when_it_is_significant(tmp_path):
    rng = np.random.RandomState(0)
    targets = (rng.rand(400, 2) < 0.5).astype(int)
    cells = []
    for model, signals in {"alpha": (3.0, 0.3), "beta": (1.0, 1.0), "gamma": (1.0, 1.05)}.items():
        noise = rng.randn(400, 2)
        for signal, facts in zip(
            signals, ({}, {"perturbation": "white_noise", "severity": 3}), strict=True
        ):
            cells.append(
                evaluation(tmp_path, signal * targets + noise, targets, model=model, **facts)
            )
    rank = build_tables(cells, n_boot=200).ranks.iloc[0]
    assert rank["swaps"] == "beta>alpha|gamma>alpha"
    assert rank["n_swaps"] == 2
    assert rank["kendall_tau"] < rank["noise_ceiling"]


def test_resampling_by_another_unit(tmp_path):
    cells = simulated(tmp_path, ["fcn", "musicnn"], clusters=[f"artist:{i % 9}" for i in range(90)])
    stored, single = (
        build_tables(cells, n_boot=50, clusters=units).leaderboard.iloc[0]
        for units in (None, {f"t{i:04d}": f"track:{i}" for i in range(90)})
    )
    assert (stored["n_clusters"], single["n_clusters"]) == (9, 90)
    assert stored["roc_auc"] == single["roc_auc"]
    with pytest.raises(TagbenchError, match=r"89 tracks have no cluster .* 't0001'"):
        build_tables(cells, n_boot=5, clusters={"t0000": "x"})
