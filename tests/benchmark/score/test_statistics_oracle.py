"""Every statistic of the tables beside a plain one: loops, pairs, percentiles, one weight matrix.

The plain ones share with the code the resampling weights alone, which the tests of the bootstrap
check, so that a statistic of other weights, another order of averages or another percentile fails.
All values of a CSV file have six decimals, and so are compared.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import kendalltau
from scipy.stats import t as student
from sklearn import metrics as sk

from benchmark.score import consistency, metrics
from benchmark.score.bootstrap import draw_weights, seed_shares
from benchmark.score.tables.build import build_tables
from benchmark.score.tag_groups import TagFacts
from benchmark.store.predictions import load_predictions
from tests.support.scored import simulated

B, N, C = 60, 66, 6
MODELS = ("crnn", "fcn", "musicnn")
SEEDS = (0, 1)
FAMILIES = {
    "pitch_shift": {1: ("pitch_down", "pitch_up"), 3: ("pitch_down", "pitch_up")},
    "white_noise": {1: ("white_noise",), 3: ("white_noise",)},
}
CONDITIONS = [
    (name, severity)
    for steps in FAMILIES.values()
    for severity, names in steps.items()
    for name in names
]
CLUSTERS = [f"artist:{(i * i) % 29}" for i in range(N)]
FACTS = TagFacts(
    {"pitch_shift": ("tag0", "tag3")},
    {**dict.fromkeys(("tag0", "tag1", "tag4"), "genre"), "tag2": "voice"},
)
SIX = 6e-7


def auc(scores, targets, weights):
    """ROC-AUC (B,) under weights (B, N): pairs won, ties half."""
    positive, negative = targets == 1, targets == 0
    won = np.sign(scores[positive][:, None] - scores[negative][None]) / 2 + 0.5
    up, down = weights[:, positive], weights[:, negative]
    pairs = up.sum(axis=1) * down.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return ((up @ won) * down).sum(axis=1) / pairs


def mean_over_tags(values):
    return np.array([np.nanmean(column) for column in np.array(values).T])


def ends(samples):
    """Percentile interval of (1 + B,)."""
    return np.nanpercentile(samples[1:], [2.5, 97.5])


class Plain:
    """The bench, and what follows from its ROC-AUC by definition."""

    def __init__(self, cells, baseline):
        drawn = draw_weights(np.array(CLUSTERS), B, "synth", 0)
        self.weights = drawn.packed.transpose(0, 2, 1).reshape(-1, N)[: B + 1].astype(float)
        self.shares = seed_shares(len(SEEDS), B, "synth", 0)
        self.stored = {
            (
                one.model,
                one.seed,
                one.condition.perturbation,
                one.condition.severity,
            ): load_predictions(one.predictions)
            for one in cells
        }
        self.tags = {
            key: [auc(s.scores[:, c], s.targets[:, c], self.weights) for c in range(C)]
            for key, s in self.stored.items()
        }
        self.baseline = baseline

    def over_seeds(self, values):
        return sum(share * value for share, value in zip(self.shares, values, strict=True))

    def score(self, model, name, severity, columns=range(C)):
        return self.over_seeds(
            mean_over_tags([self.tags[model, seed, name, severity][c] for c in columns])
            for seed in SEEDS
        )

    def clean(self, model):
        return self.score(model, "clean", 0)

    def drop(self, model, name, severity, columns=range(C)):
        return self.score(model, "clean", 0, columns) - self.score(model, name, severity, columns)

    def curve(self, model, family):
        """Score at each severity, directions averaged."""
        return [
            np.mean([self.score(model, name, severity) for name in names], axis=0)
            for severity, names in FAMILIES[family].items()
        ]

    def fall(self, model, family):
        return [self.clean(model) - score for score in self.curve(model, family)]

    def ce(self, model, family):
        error, base = (sum(1 - a for a in self.curve(m, family)) for m in (model, self.baseline))
        return error / base

    def mce(self, model):
        return np.mean([self.ce(model, family) for family in FAMILIES], axis=0)

    def relative(self, model):
        falls = {m: [sum(self.fall(m, f)) for f in FAMILIES] for m in (model, self.baseline)}
        base = falls[self.baseline]
        assert all(one[0] > 5 * one[1:].std(ddof=1) for one in base), "the guard is not at work"
        return np.mean([a / b for a, b in zip(falls[model], base, strict=True)], axis=0)

    def kept(self, model, family):
        skill = self.clean(model) - 0.5
        return [(score - 0.5) / skill for score in self.curve(model, family)]

    def area(self, model, family):
        mild, strong = self.kept(model, family)
        return (1 * (1 + mild) / 2 + 2 * (mild + strong) / 2) / 3

    def worst(self, model, families=tuple(FAMILIES)):
        falls = [
            self.drop(model, name, severity)
            for family in families
            for severity, names in FAMILIES[family].items()
            for name in names
        ]
        return np.max(falls, axis=0)

    def critical(self, model, family):
        found = []
        for mild, strong in zip(*self.fall(model, family), strict=True):
            if mild >= 0.02:
                found.append(0.02 / mild)
            elif strong >= 0.02:
                found.append(1 + 2 * (0.02 - mild) / (strong - mild))
            else:
                found.append(np.inf)
        return np.array(found)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    cells = simulated(
        tmp_path_factory.mktemp("cells"), MODELS, n=N, c=C, seeds=SEEDS, clusters=CLUSTERS
    )
    tables = build_tables(cells, n_boot=B, baseline="musicnn", facts=FACTS)
    return Plain(cells, "musicnn"), tables


def agree(row, samples, value="value", low="low", high="high"):
    assert row[value] == pytest.approx(samples[0], abs=SIX)
    np.testing.assert_allclose([row[low], row[high]], ends(samples), rtol=0, atol=SIX)


def one(frame, **wanted):
    for name, value in wanted.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1, wanted
    return frame.iloc[0]


def test_scores_and_drops(bench):
    plain, tables = bench
    rows = tables.robustness
    for model in MODELS:
        for name, severity in (("clean", 0), *CONDITIONS):
            row = one(rows, model=model, perturbation=name, severity=severity, metric="roc_auc")
            agree(row, plain.score(model, name, severity))
            if severity:
                drop = plain.drop(model, name, severity)
                agree(row, drop, "drop", "drop_low", "drop_high")


def test_other_scores_have_intervals_of_the_same_draws(bench):
    plain, tables = bench
    functions = {
        "pr_auc": sk.average_precision_score,
        "f1": sk.f1_score,
        "mcc": sk.matthews_corrcoef,
    }
    for metric, function in functions.items():
        per_seed = []
        for seed in SEEDS:
            stored = plain.stored["fcn", seed, "white_noise", 3]
            said = metrics.decide_multilabel(stored.scores, stored.targets)
            heard = stored.scores if metric == "pr_auc" else said
            values = [
                [
                    function(stored.targets[:, c], heard[:, c], sample_weight=weight)
                    if 0 < weight @ stored.targets[:, c] < weight.sum()
                    else np.nan
                    for weight in plain.weights
                ]
                for c in range(C)
            ]
            per_seed.append(mean_over_tags(values))
        row = one(
            tables.robustness, model="fcn", perturbation="white_noise", severity=3, metric=metric
        )
        agree(row, plain.over_seeds(per_seed))


def test_drops_are_tested_and_corrected_after_holm(bench):
    plain, tables = bench
    df = len(set(CLUSTERS)) - 1
    for model in MODELS:
        raw = {}
        for name, severity in CONDITIONS:
            drop = plain.drop(model, name, severity)
            raw[name, severity] = student.sf(drop[0] / drop[1:].std(ddof=1), df)
        for key, expected in holm(raw).items():
            name, severity = key
            row = one(
                tables.robustness,
                model=model, perturbation=name, severity=severity, metric="roc_auc",
            )  # fmt: skip
            assert row["p_drop_holm"] == pytest.approx(expected, abs=SIX)


def holm(raw):
    """Step down: the smallest p times the number of claims, the next times one less, ..."""
    found, highest = {}, 0.0
    for rank, key in enumerate(sorted(raw, key=raw.get)):
        highest = max(highest, min(1.0, raw[key] * (len(raw) - rank)))
        found[key] = highest
    return found


def test_summary(bench):
    plain, tables = bench
    for model in MODELS:

        def row(family, statistic, model=model):
            return one(tables.summary, model=model, family=family, statistic=statistic)

        for family in FAMILIES:
            agree(row(family, "ce"), plain.ce(model, family))
            agree(row(family, "retention"), np.mean(plain.kept(model, family), axis=0))
            agree(row(family, "audc"), plain.area(model, family))
            agree(row(family, "worst_drop"), plain.worst(model, (family,)))
            critical = plain.critical(model, family)
            assert np.isfinite(critical).all(), "the simulation is too mild"
            agree(row(family, "critical_severity"), critical)
        agree(row("all", "mce"), plain.mce(model))
        agree(row("all", "relative_mce"), plain.relative(model))
        kept = [np.mean(plain.kept(model, family), axis=0) for family in FAMILIES]
        agree(row("all", "retention"), np.mean(kept, axis=0))
        area = np.mean([plain.area(model, family) for family in FAMILIES], axis=0)
        agree(row("all", "audc"), area)
        agree(row("all", "worst_drop"), plain.worst(model))


def test_leaderboard(bench):
    plain, tables = bench
    clean = {model: plain.clean(model) for model in MODELS}
    for model in MODELS:
        row = one(tables.leaderboard, model=model)
        agree(row, clean[model], "roc_auc", "roc_auc_low", "roc_auc_high")
        for family in FAMILIES:
            fall = np.mean(plain.fall(model, family), axis=0)
            names = (f"{family}_drop", f"{family}_drop_low", f"{family}_drop_high")
            agree(row, fall, *names)
            mean = np.mean(plain.curve(model, family), axis=0)[0]
            assert row[f"{family}_roc_auc"] == pytest.approx(mean, abs=SIX)
        agree(row, plain.mce(model), "mce", "mce_low", "mce_high")
        assert row["relative_mce"] == pytest.approx(plain.relative(model)[0], abs=SIX)
        agree(row, plain.worst(model), "worst_drop", "worst_drop_low", "worst_drop_high")
        taken = sorted(
            1 + sum(clean[other][b] > clean[model][b] for other in MODELS) for b in range(1, B + 1)
        )
        rank = 1 + sum(clean[other][0] > clean[model][0] for other in MODELS)
        out = int(0.025 * B)  # of each tail
        assert (row["rank"], row["rank_low"], row["rank_high"]) == (
            rank,
            min(rank, taken[out]),
            max(rank, taken[-1 - out]),
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
    assert one(tables.leaderboard, model="fcn")["n_clusters"] == len(set(CLUSTERS))


def test_differences_of_models(bench):
    plain, tables = bench
    df = len(set(CLUSTERS)) - 1
    for scope in ("clean", *FAMILIES):
        scores = {
            model: plain.clean(model)
            if scope == "clean"
            else np.mean(plain.curve(model, scope), axis=0)
            for model in MODELS
        }
        raw = {}
        for a, b in combinations(MODELS, 2):
            gap = scores[a] - scores[b]
            raw[a, b] = 2 * student.sf(abs(gap[0]) / gap[1:].std(ddof=1), df)
        for (a, b), p in holm(raw).items():
            row = one(tables.comparisons, model_a=a, model_b=b, scope=scope)
            gap = scores[a] - scores[b]
            agree(row, gap, "difference")
            wins = (gap[1:] > 0).sum() + 0.5 * (gap[1:] == 0).sum()
            assert row["p_beats"] == pytest.approx(wins / B, abs=SIX)
            assert row["p_holm"] == pytest.approx(p, abs=SIX)
            if scope != "clean":
                fall = [np.mean(plain.fall(model, scope), axis=0) for model in (a, b)]
                agree(row, fall[0] - fall[1], "drop_difference", "drop_low", "drop_high")


def test_order_of_models(bench):
    plain, tables = bench
    clean = np.array([plain.clean(model) for model in MODELS])
    ceiling = np.mean([kendalltau(clean[:, 0], clean[:, b]).statistic for b in range(1, B + 1)])
    for name, severity in CONDITIONS:
        here = np.array([plain.score(model, name, severity) for model in MODELS])
        tau = np.array([kendalltau(clean[:, b], here[:, b]).statistic for b in range(B + 1)])
        row = one(tables.ranks, perturbation=name, severity=severity)
        agree(row, tau, "kendall_tau")
        assert row["noise_ceiling"] == pytest.approx(ceiling, abs=SIX)


def test_tags_and_groups_of_tags(bench):
    plain, tables = bench
    for name, severity in (("pitch_up", 3), ("white_noise", 1)):
        where = {"model": "fcn", "perturbation": name, "severity": severity}
        for c in range(C):
            row = one(tables.per_tag, tag=f"tag{c}", **where)
            agree(row, plain.score("fcn", name, severity, [c]), "roc_auc")
            agree(row, plain.drop("fcn", name, severity, [c]), "drop", "drop_low", "drop_high")
        for category, columns in (("genre", [0, 1, 4]), ("voice", [2])):
            row = one(tables.per_category, category=category, **where)
            agree(row, plain.score("fcn", name, severity, columns), "roc_auc")
            drop = plain.drop("fcn", name, severity, columns)
            agree(row, drop, "drop", "drop_low", "drop_high")
        columns = [1, 2, 4, 5] if name == "pitch_up" else range(C)
        row = one(tables.robustness, metric="roc_auc_invariant", **where)
        agree(row, plain.score("fcn", name, severity, columns))
        drop = plain.drop("fcn", name, severity, columns)
        agree(row, drop, "drop", "drop_low", "drop_high")
        assert row["n_tags"] == len(columns)


def test_how_far_predictions_move(bench):
    plain, tables = bench
    means = []
    for seed in SEEDS:
        before, after = (
            plain.stored["crnn", seed, name, severity].scores
            for name, severity in (("clean", 0), ("pitch_down", 3))
        )
        moved = consistency.track_consistency(before, after, single=False)
        means.append(plain.weights @ moved / plain.weights.sum(axis=1, keepdims=True))
    for q, metric in enumerate(consistency.names(C)):
        row = one(
            tables.consistency, model="crnn", perturbation="pitch_down", severity=3, metric=metric
        )
        agree(row, plain.over_seeds([mean[:, q] for mean in means]))


def test_skill_of_a_classifier_is_what_exceeds_one_in_c(tmp_path):
    cells = simulated(tmp_path, ["fcn"], task="singlelabel")
    tables = build_tables(cells, n_boot=B, baseline="fcn")
    drawn = draw_weights(np.array([f"t{i:04d}" for i in range(90)]), B, "synth", 0)
    weights = drawn.packed.transpose(0, 2, 1).reshape(-1, 90)[: B + 1].astype(float)
    accuracy = {}
    for cell in cells:
        stored = load_predictions(cell.predictions)
        right = stored.scores.argmax(axis=1) == stored.targets.argmax(axis=1)
        accuracy[cell.condition.perturbation, cell.condition.severity] = (
            weights @ right / weights.sum(axis=1)
        )
    clean = accuracy["clean", 0]
    kept = [(accuracy["white_noise", s] - 1 / 5) / (clean - 1 / 5) for s in (1, 3)]
    rows = {"family": "white_noise", "model": "fcn"}
    agree(one(tables.summary, statistic="retention", **rows), np.mean(kept, axis=0))
    lost = [clean - accuracy["white_noise", s] for s in (1, 3)]
    agree(one(tables.summary, statistic="worst_drop", **rows), np.max(lost, axis=0))
    board = one(tables.leaderboard, model="fcn")
    agree(board, clean, "accuracy", "accuracy_low", "accuracy_high")
    assert one(tables.summary, statistic="mce", model="fcn")["value"] == 1.0
