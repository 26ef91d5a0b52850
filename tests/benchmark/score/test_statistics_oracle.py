"""Every statistic of the tables against a plain reference implementation.

Values of CSV files have six decimals and are compared at that precision.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import kendalltau
from scipy.stats import t as student
from sklearn import metrics as sk

from benchmark.score import consistency, metrics
from benchmark.score.bootstrap import draw_weights
from benchmark.score.tables.build import build_tables
from benchmark.store.predictions import load_predictions
from tests.support.reference_statistics import (
    CLUSTERS,
    CONDITIONS,
    FACTS,
    FAMILIES,
    MODELS,
    SEEDS,
    B,
    C,
    N,
    ReferenceStatistics,
    ends,
    mean_over_tags,
)
from tests.support.scored import only_row, simulated

SIX = 6e-7


@pytest.fixture(scope="module")
def reference_and_tables(tmp_path_factory):
    cells = simulated(
        tmp_path_factory.mktemp("cells"), MODELS, n=N, c=C, seeds=SEEDS, clusters=CLUSTERS
    )
    tables = build_tables(cells, n_boot=B, baseline="musicnn", facts=FACTS)
    return ReferenceStatistics(cells, "musicnn"), tables


def agree(row, samples, value="value", low="low", high="high"):
    assert row[value] == pytest.approx(samples[0], abs=SIX)
    np.testing.assert_allclose([row[low], row[high]], ends(samples), rtol=0, atol=SIX)


def test_scores_and_drops(reference_and_tables):
    reference, tables = reference_and_tables
    rows = tables.robustness
    for model in MODELS:
        for name, severity in (("clean", 0), *CONDITIONS):
            row = only_row(
                rows, model=model, perturbation=name, severity=severity, metric="roc_auc"
            )
            agree(row, reference.score(model, name, severity))
            if severity:
                drop = reference.drop(model, name, severity)
                agree(row, drop, "drop", "drop_low", "drop_high")


def test_other_scores_have_intervals_of_the_same_draws(reference_and_tables):
    reference, tables = reference_and_tables
    functions = {
        "pr_auc": sk.average_precision_score,
        "f1": sk.f1_score,
        "mcc": sk.matthews_corrcoef,
    }
    for metric, function in functions.items():
        per_seed = []
        for seed in SEEDS:
            stored = reference.stored["fcn", seed, "white_noise", 3]
            decisions = metrics.decide_multilabel(stored.scores, stored.targets)
            predicted = stored.scores if metric == "pr_auc" else decisions
            values = [
                [
                    function(stored.targets[:, c], predicted[:, c], sample_weight=weight)
                    if 0 < weight @ stored.targets[:, c] < weight.sum()
                    else np.nan
                    for weight in reference.weights
                ]
                for c in range(C)
            ]
            per_seed.append(mean_over_tags(values))
        row = only_row(
            tables.robustness, model="fcn", perturbation="white_noise", severity=3, metric=metric
        )
        agree(row, reference.over_seeds(per_seed))


def test_drops_are_tested_and_corrected_by_holm(reference_and_tables):
    reference, tables = reference_and_tables
    df = len(set(CLUSTERS)) - 1
    for model in MODELS:
        raw = {}
        for name, severity in CONDITIONS:
            drop = reference.drop(model, name, severity)
            raw[name, severity] = student.sf(drop[0] / drop[1:].std(ddof=1), df)
        for key, expected in holm(raw).items():
            name, severity = key
            row = only_row(
                tables.robustness,
                model=model, perturbation=name, severity=severity, metric="roc_auc",
            )  # fmt: skip
            assert row["p_drop_holm"] == pytest.approx(expected, abs=SIX)


def holm(raw):
    """Adjust p-values by the step-down method of Holm."""
    adjusted, highest = {}, 0.0
    for rank, key in enumerate(sorted(raw, key=raw.get)):
        highest = max(highest, min(1.0, raw[key] * (len(raw) - rank)))
        adjusted[key] = highest
    return adjusted


def test_summary(reference_and_tables):
    reference, tables = reference_and_tables
    for model in MODELS:

        def row(family, statistic, model=model):
            return only_row(tables.summary, model=model, family=family, statistic=statistic)

        for family in FAMILIES:
            agree(row(family, "ce"), reference.ce(model, family))
            agree(row(family, "retention"), np.mean(reference.retention(model, family), axis=0))
            agree(row(family, "audc"), reference.audc(model, family))
            agree(row(family, "worst_drop"), reference.worst_drop(model, (family,)))
            critical = reference.critical_severity(model, family)
            assert np.isfinite(critical).all(), "the simulation is too mild"
            agree(row(family, "critical_severity"), critical)
        agree(row("all", "mce"), reference.mce(model))
        agree(row("all", "relative_mce"), reference.relative_mce(model))
        retention = [np.mean(reference.retention(model, family), axis=0) for family in FAMILIES]
        agree(row("all", "retention"), np.mean(retention, axis=0))
        area = np.mean([reference.audc(model, family) for family in FAMILIES], axis=0)
        agree(row("all", "audc"), area)
        agree(row("all", "worst_drop"), reference.worst_drop(model))


def test_leaderboard(reference_and_tables):
    reference, tables = reference_and_tables
    clean = {model: reference.clean(model) for model in MODELS}
    for model in MODELS:
        row = only_row(tables.leaderboard, model=model)
        agree(row, clean[model], "roc_auc", "roc_auc_low", "roc_auc_high")
        for family in FAMILIES:
            drop = np.mean(reference.drops(model, family), axis=0)
            names = (f"{family}_drop", f"{family}_drop_low", f"{family}_drop_high")
            agree(row, drop, *names)
            mean = np.mean(reference.curve(model, family), axis=0)[0]
            assert row[f"{family}_roc_auc"] == pytest.approx(mean, abs=SIX)
        agree(row, reference.mce(model), "mce", "mce_low", "mce_high")
        assert row["relative_mce"] == pytest.approx(reference.relative_mce(model)[0], abs=SIX)
        agree(row, reference.worst_drop(model), "worst_drop", "worst_drop_low", "worst_drop_high")
        ranks = sorted(
            1 + sum(clean[other][b] > clean[model][b] for other in MODELS) for b in range(1, B + 1)
        )
        rank = 1 + sum(clean[other][0] > clean[model][0] for other in MODELS)
        tail = int(0.025 * B)
        assert (row["rank"], row["rank_low"], row["rank_high"]) == (
            rank,
            min(rank, ranks[tail]),
            max(rank, ranks[-1 - tail]),
        )
    order = sorted(MODELS, key=lambda model: -clean[model][0])
    group, leader, expected = 1, order[0], {}
    for model in order:
        if model != leader and ends(clean[leader] - clean[model])[0] > 0:
            group, leader = group + 1, model
        expected[model] = group
    assert dict(zip(tables.leaderboard["model"], tables.leaderboard["tie_group"], strict=True)) == (
        expected
    )
    assert only_row(tables.leaderboard, model="fcn")["n_clusters"] == len(set(CLUSTERS))


def test_differences_of_models(reference_and_tables):
    reference, tables = reference_and_tables
    df = len(set(CLUSTERS)) - 1
    for scope in ("clean", *FAMILIES):
        scores = {
            model: reference.clean(model)
            if scope == "clean"
            else np.mean(reference.curve(model, scope), axis=0)
            for model in MODELS
        }
        raw = {}
        for a, b in combinations(MODELS, 2):
            gap = scores[a] - scores[b]
            raw[a, b] = 2 * student.sf(abs(gap[0]) / gap[1:].std(ddof=1), df)
        for (a, b), p in holm(raw).items():
            row = only_row(tables.comparisons, model_a=a, model_b=b, scope=scope)
            gap = scores[a] - scores[b]
            agree(row, gap, "difference")
            wins = (gap[1:] > 0).sum() + 0.5 * (gap[1:] == 0).sum()
            assert row["p_beats"] == pytest.approx(wins / B, abs=SIX)
            assert row["p_holm"] == pytest.approx(p, abs=SIX)
            if scope != "clean":
                drops = [np.mean(reference.drops(model, scope), axis=0) for model in (a, b)]
                agree(row, drops[0] - drops[1], "drop_difference", "drop_low", "drop_high")


def test_order_of_models(reference_and_tables):
    reference, tables = reference_and_tables
    clean = np.array([reference.clean(model) for model in MODELS])
    ceiling = np.mean([kendalltau(clean[:, 0], clean[:, b]).statistic for b in range(1, B + 1)])
    for name, severity in CONDITIONS:
        here = np.array([reference.score(model, name, severity) for model in MODELS])
        tau = np.array([kendalltau(clean[:, b], here[:, b]).statistic for b in range(B + 1)])
        row = only_row(tables.ranks, perturbation=name, severity=severity)
        agree(row, tau, "kendall_tau")
        assert row["noise_ceiling"] == pytest.approx(ceiling, abs=SIX)


def test_tags_and_groups_of_tags(reference_and_tables):
    reference, tables = reference_and_tables
    for name, severity in (("pitch_up", 3), ("white_noise", 1)):
        where = {"model": "fcn", "perturbation": name, "severity": severity}
        for c in range(C):
            row = only_row(tables.per_tag, tag=f"tag{c}", **where)
            agree(row, reference.score("fcn", name, severity, [c]), "roc_auc")
            agree(row, reference.drop("fcn", name, severity, [c]), "drop", "drop_low", "drop_high")
        for category, columns in (("genre", [0, 1, 4]), ("voice", [2])):
            row = only_row(tables.per_category, category=category, **where)
            agree(row, reference.score("fcn", name, severity, columns), "roc_auc")
            drop = reference.drop("fcn", name, severity, columns)
            agree(row, drop, "drop", "drop_low", "drop_high")
        columns = [1, 2, 4, 5] if name == "pitch_up" else range(C)
        row = only_row(tables.robustness, metric="roc_auc_invariant", **where)
        agree(row, reference.score("fcn", name, severity, columns))
        drop = reference.drop("fcn", name, severity, columns)
        agree(row, drop, "drop", "drop_low", "drop_high")
        assert row["n_tags"] == len(columns)


def test_consistency_of_predictions(reference_and_tables):
    reference, tables = reference_and_tables
    means = []
    for seed in SEEDS:
        before, after = (
            reference.stored["crnn", seed, name, severity].scores
            for name, severity in (("clean", 0), ("pitch_down", 3))
        )
        change = consistency.track_consistency(before, after, single=False)
        means.append(reference.weights @ change / reference.weights.sum(axis=1, keepdims=True))
    for q, metric in enumerate(consistency.names(C)):
        row = only_row(
            tables.consistency, model="crnn", perturbation="pitch_down", severity=3, metric=metric
        )
        agree(row, reference.over_seeds([mean[:, q] for mean in means]))


def test_skill_of_a_classifier_is_its_accuracy_above_chance(tmp_path):
    cells = simulated(tmp_path, ["fcn"], task="singlelabel")
    tables = build_tables(cells, n_boot=B, baseline="fcn")
    drawn = draw_weights(np.array([f"t{i:04d}" for i in range(90)]), B, "synth", 0)
    weights = drawn.packed.transpose(0, 2, 1).reshape(-1, 90)[: B + 1].astype(float)
    accuracy = {}
    for cell in cells:
        stored = load_predictions(cell.predictions)
        correct = stored.scores.argmax(axis=1) == stored.targets.argmax(axis=1)
        accuracy[cell.condition.perturbation, cell.condition.severity] = (
            weights @ correct / weights.sum(axis=1)
        )
    clean = accuracy["clean", 0]
    retention = [(accuracy["white_noise", s] - 1 / 5) / (clean - 1 / 5) for s in (1, 3)]
    rows = {"family": "white_noise", "model": "fcn"}
    agree(only_row(tables.summary, statistic="retention", **rows), np.mean(retention, axis=0))
    drops = [clean - accuracy["white_noise", s] for s in (1, 3)]
    agree(only_row(tables.summary, statistic="worst_drop", **rows), np.max(drops, axis=0))
    board = only_row(tables.leaderboard, model="fcn")
    agree(board, clean, "accuracy", "accuracy_low", "accuracy_high")
    assert only_row(tables.summary, statistic="mce", model="fcn")["value"] == 1.0
