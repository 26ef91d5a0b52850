"""Precision at 10 against scikit-learn and the reference, and tables with tags never trained on."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk

from benchmark.report.html import write_report
from benchmark.score import metrics
from benchmark.score.tables.build import build_tables
from tests.support.paths import DATA
from tests.support.scored import evaluation

GOLDEN = json.loads((DATA / "retrieval.json").read_text(encoding="utf-8"))["metrics"]
TRUTH = np.array(GOLDEN["ground truth (12 songs x 3 tags)"], np.uint8)
SIMILARITY = np.sin(1.3 * np.arange(1, 37.0) ** 2).reshape(3, 12).T


def precision(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    sample = metrics.Sample(scores, targets, metrics.pack_weights(weights), single=False)
    return metrics.all_metrics()["precision_at_10"].compute(sample)[:, : len(weights)]


def test_metrics_are_those_of_the_reference(tmp_path: Path) -> None:
    tables = build_tables(
        [evaluation(tmp_path, SIMILARITY.astype(np.float32), TRUTH)],
        n_boot=100,
        extra_metrics=("precision_at_10",),
    )
    rows = tables.per_tag
    for column, golden in (("precision_at_10", "P@10"), ("pr_auc", "AP"), ("roc_auc", "ROC-AUC")):
        np.testing.assert_allclose(rows[column], GOLDEN[f"{golden} per tag"], atol=1e-6)
    board = tables.leaderboard.iloc[0]
    np.testing.assert_allclose(board["precision_at_10"], np.mean(GOLDEN["P@10 per tag"]), atol=1e-6)


def test_precision_at_10_counts_a_track_as_often_as_its_weight() -> None:
    rng = np.random.RandomState(0)
    scores = rng.permutation(90).reshape(30, 3).astype(np.float32)
    targets = (rng.rand(30, 3) < 0.4).astype(np.uint8)
    weights = rng.randint(0, 4, (3, 30)).astype(np.uint8)
    found = precision(scores, targets, weights)
    for r, weight in enumerate(weights):
        rows = np.repeat(np.arange(30), weight)
        for tag in range(3):
            top = rows[np.argsort(-scores[rows, tag], kind="stable")[:10]]
            expected = sk.precision_score(targets[top, tag], np.ones(10), zero_division=0)
            np.testing.assert_allclose(found[tag, r], expected)


def test_tied_tracks_share_the_places_left_to_them() -> None:
    # Nine tracks above, then three tied ones for one place; and all tied.
    scores = np.stack([[*range(20, 11, -1), 5, 5, 5, 1], np.ones(13)], axis=1).astype(np.float32)
    targets = np.array([[1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 1, 0]] * 2, np.uint8).T
    found = precision(scores, targets, np.ones((1, 13), np.uint8))[:, 0]
    orders = itertools.permutations([9, 10, 11])
    tops = [targets[[*range(9), order[0]], 0].mean() for order in orders]
    np.testing.assert_allclose(found, [np.mean(tops), targets[:, 1].mean()])
    few = precision(scores[:4], targets[:4], np.ones((1, 4), np.uint8))[:, 0]
    np.testing.assert_allclose(few, 3 / 4)
    none = precision(scores, np.zeros_like(targets), np.ones((1, 13), np.uint8))
    assert np.isnan(none).all()


@pytest.mark.parametrize("trained", [None, ("tag0", "tag2")])
def test_tags_that_were_never_trained_on_have_their_own_columns(
    tmp_path: Path, trained: tuple[str, ...] | None
) -> None:
    scores = SIMILARITY.astype(np.float32)
    cells = [
        evaluation(tmp_path, scores, TRUTH, model="fcn"),
        evaluation(tmp_path, -scores, TRUTH, model="retrieval", trained_tags=trained),
    ]
    tables = build_tables(cells, n_boot=100)
    if trained is None:
        assert not [c for c in tables.leaderboard if "seen" in c or c == "trained"]
        assert "trained" not in tables.per_tag
        return
    board = tables.leaderboard.set_index("model")
    per_tag = tables.per_tag.set_index(["model", "tag"])
    assert per_tag.loc["retrieval", "trained"].tolist() == [True, False, True]
    assert per_tag.loc["fcn", "trained"].all()
    for metric in ("roc_auc", "pr_auc"):
        of_tag = per_tag.loc["retrieval", metric]
        row = board.loc["retrieval"]
        np.testing.assert_allclose(row[f"{metric}_unseen"], of_tag["tag1"], atol=1e-6)
        np.testing.assert_allclose(
            row[f"{metric}_seen"], of_tag[["tag0", "tag2"]].mean(), atol=1e-6
        )
        assert row[f"{metric}_unseen_low"] <= row[f"{metric}_unseen"]
    assert board.loc["retrieval", ["n_seen_tags", "n_unseen_tags"]].tolist() == [2, 1]
    assert board.loc["fcn", ["n_unseen_tags", "roc_auc_seen"]].isna().all()
    assert set(tables.per_category["category"]) == set()
    text = write_report(tables, tmp_path / "report", {}).read_text(encoding="utf-8")
    assert "Unseen tags" in text
