"""Reading of stored predictions."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics as sk

from benchmark.config.compared_tags import ComparedTags
from benchmark.score.tables.build import build_tables
from benchmark.store.predictions import compared_predictions, load_predictions
from datamodules.common.errors import TagbenchError
from tests.support.scored import evaluation, scores_by_hand


def test_predictions_of_other_shape_are_refused(tmp_path):
    cell = scores_by_hand(tmp_path)[0]
    stored = dict(np.load(cell.predictions))
    np.savez(cell.predictions, **{**stored, "targets": stored["targets"][:3]})
    with pytest.raises(TagbenchError, match=r"targets has shape \(3, 2\), expected \(4, 2\)"):
        load_predictions(cell.predictions)


def test_compared_classes_are_scored_as_a_softmax_over_them(tmp_path: Path) -> None:
    rng = np.random.RandomState(3)
    logits = rng.randn(60, 5)
    truth = np.arange(60) % 5
    logits[np.arange(60), truth] += 1.0
    full = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    cell = evaluation(tmp_path, full, np.eye(5)[truth], task="singlelabel")
    names = ("tag3", "tag0", "tag2")
    cells = [dataclasses.replace(cell, tags=("a", "b", "c"), columns=names)]
    kept, columns = np.isin(truth, [3, 0, 2]), [3, 0, 2]
    own = np.exp(logits[kept][:, columns])
    own /= own.sum(1, keepdims=True)
    stored = compared_predictions(cells[0])
    np.testing.assert_allclose(stored.scores, own, rtol=1e-6)
    assert stored.tags.tolist() == ["a", "b", "c"]
    wanted = np.array([columns.index(at) for at in truth[kept]])
    row = build_tables(cells, n_boot=100).leaderboard.iloc[0]
    assert row["n_tracks"] == kept.sum() == 36
    assert row["accuracy"] == pytest.approx(sk.accuracy_score(wanted, own.argmax(1)), abs=1e-6)
    expected = sk.roc_auc_score(wanted, own, multi_class="ovr", average="macro")
    assert row["roc_auc"] == pytest.approx(expected, abs=1e-6)


def test_a_record_of_an_older_version_names_no_outputs() -> None:
    compared = ComparedTags(("a", "b"), (), {})
    assert compared.columns("model of then") is None
