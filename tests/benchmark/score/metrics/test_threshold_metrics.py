"""Decisions at probability 0.5, against scikit-learn and a published row."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk

from benchmark.score import metrics
from benchmark.score.tables.build import build_tables
from datamodules.common.errors import TagbenchError
from tests.support.paths import DATA
from tests.support.scored import evaluation

NAMES = (
    *("accuracy_at_0.5", "precision_at_0.5", "recall_at_0.5"),
    *("precision_micro_at_0.5", "recall_micro_at_0.5", "f1_micro_at_0.5"),
    *("precision_negative_class", "recall_negative_class"),
)


def computed(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return the values (R,) of each metric, averaged over tags where it has several."""
    packed = metrics.pack_weights(weights)
    sample = metrics.Sample(scores, targets, packed, single=False)
    values = {name: metrics.all_metrics()[name].compute(sample) for name in NAMES}
    return {
        name: (metrics.nan_mean(v, axis=0) if v.ndim == 2 else v)[: len(weights)]
        for name, v in values.items()
    }


@pytest.mark.parametrize("seed", range(5))
def test_metrics_equal_scikit_learn_with_weights(seed: int) -> None:
    rng = np.random.RandomState(seed)
    # Multiples of 1/8, so that some scores are at the threshold; the last tag is never predicted.
    scores = (rng.randint(0, 9, (60, 5)) / 8).astype(np.float32)
    scores[:, 4] = np.minimum(scores[:, 4], 0.5)
    targets = (rng.rand(60, 5) < 0.3).astype(np.uint8)
    weights = rng.randint(0, 4, (3, 60)).astype(np.uint8)
    weights[0] = 1
    found = computed(scores, targets, weights)
    predicted = scores > 0.5
    for r, weight in enumerate(weights.astype(float)):
        options = {"sample_weight": weight, "average": "macro", "zero_division": 0}
        columns = zip(targets.T, predicted.T, strict=True)
        each = {"sample_weight": np.repeat(weight, 5)}
        flat = {**each, "pos_label": 0}
        pairs = targets.ravel(), predicted.ravel().astype(int)
        expected = {
            "accuracy_at_0.5": np.mean(
                [sk.accuracy_score(y, p, sample_weight=weight) for y, p in columns]
            ),
            "precision_at_0.5": sk.precision_score(targets, predicted, **options),
            "recall_at_0.5": sk.recall_score(targets, predicted, **options),
            "precision_micro_at_0.5": sk.precision_score(*pairs, **each),
            "recall_micro_at_0.5": sk.recall_score(*pairs, **each),
            "f1_micro_at_0.5": sk.f1_score(*pairs, **each),
            "precision_negative_class": sk.precision_score(*pairs, **flat),
            "recall_negative_class": sk.recall_score(*pairs, **flat),
        }
        for name, value in expected.items():
            assert found[name][r] == pytest.approx(value, abs=1e-12), name


def test_a_tag_that_no_track_has_is_left_out() -> None:
    rng = np.random.RandomState(0)
    scores, targets = rng.rand(20, 3).astype(np.float32), np.zeros((20, 3), np.uint8)
    targets[:7, :2] = 1
    weights = np.ones((1, 20), np.uint8)
    without = computed(scores[:, :2], targets[:, :2], weights)
    for name, value in computed(scores, targets, weights).items():
        # Over all pairs, false predictions of the tag count, but for the recall.
        pairs = "negative_class" in name or name in ("precision_micro_at_0.5", "f1_micro_at_0.5")
        assert (value == without[name]).all() != pairs


def test_the_scores_of_the_published_evaluation_of_moods() -> None:
    n = np.arange(1.0, 25).reshape(6, 4)
    scores, targets = 1 / (1 + np.exp(-np.sin(1.3 * n * n))), np.cos(0.7 * n * n) > 0
    found = computed(scores, targets.astype(np.uint8), np.ones((1, 6), np.uint8))
    golden = json.loads((DATA / "mood_mlp.json").read_text(encoding="utf-8"))["metrics"]
    assert found["precision_micro_at_0.5"] == pytest.approx(golden["precision"])
    assert found["recall_micro_at_0.5"] == pytest.approx(golden["recall"])
    sample = metrics.Sample(
        scores,
        targets.astype(np.uint8),
        metrics.pack_weights(np.ones((1, 6), np.uint8)),
        single=False,
    )
    of_tags = metrics.all_metrics()["pr_auc"].compute(sample)[:, 0]
    # All tracks have the first tag: it has no score here, and 1 in the published evaluation.
    assert np.isnan(of_tags[0])
    assert np.mean([1.0, *of_tags[1:]]) == pytest.approx(golden["average precision"])


def test_predicting_nothing_gives_the_published_row_of_the_1d_cnn_with_lstm(tmp_path: Path) -> None:
    # Neacsu 2024, b-LSTM: accuracy and precision 0.8062, recall 1. One label in 5.16 is positive.
    targets = np.zeros((1000, 10), np.uint8)
    for tag, positives in enumerate((300, 260, 220, 200, 190, 180, 170, 160, 138, 120)):
        targets[:positives, tag] = 1
    assert targets.mean() == pytest.approx(0.1938)
    zeros = [evaluation(tmp_path, np.zeros(targets.shape), targets, model="neacsu2024_b_lstm")]
    row = build_tables(zeros, n_boot=10, extra_metrics=NAMES).leaderboard.iloc[0]
    published = {
        "accuracy_at_0.5": 0.8062,
        "precision_negative_class": 0.8062,
        "recall_negative_class": 1.0,
    }
    assert {name: row[name] for name in published} == pytest.approx(published)
    assert row["precision_at_0.5"] == row["recall_at_0.5"] == 0.0
    # Only a preset that names the metrics has them.
    usual = build_tables(zeros, n_boot=10)
    assert not {*NAMES} & {*usual.leaderboard.columns, *usual.robustness["metric"]}


def test_a_preset_that_names_an_unknown_metric_is_told_the_nearest() -> None:
    metrics.check_metrics(NAMES, "preset 'neacsu2024', metrics")
    with pytest.raises(TagbenchError, match=r"acuracy_at_0\.5.*accuracy_at_0\.5"):
        metrics.check_metrics(["acuracy_at_0.5"], "preset 'neacsu2024', metrics")
