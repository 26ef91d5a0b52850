"""Precision and recall over the flattened scores, and hit rates on published lists of classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics as sk

from benchmark.report.html import write_report
from benchmark.score.long_tail import published_tails
from benchmark.score.precision_recall import RECALLS, precision_at_recalls
from benchmark.score.tables.build import build_tables
from benchmark.store.predictions import Evaluation, load_predictions
from benchmark.store.tables import Tables, read_tables, to_csv, write_tables
from tests.support.html_page import Page
from tests.support.scored import evaluation

COUNTS = {
    "Blues": 58, "Classical": 495, "Country": 142, "Easy Listening": 13, "Electronic": 5050,
    "Experimental": 1801, "Folk": 1215, "Hip-Hop": 1761, "Instrumental": 1045,
    "International": 814, "Jazz": 306, "Old-Time / Historic": 408, "Pop": 945, "Rock": 5681,
    "Soul-RnB": 94, "Spoken": 94,
}  # fmt: skip
"""Training tracks of FMA medium."""

Rare = tuple[Path, Tables, Evaluation]

RARE = {genre for genre, count in COUNTS.items() if count < 100}


def test_the_curve_is_that_of_scikit_learn_with_ties() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 12, (40, 5)) / 12
    targets = np.eye(5, dtype=np.uint8)[rng.integers(0, 5, 40)]
    precision, recall, _ = sk.precision_recall_curve(targets.ravel(), scores.ravel())
    expected = [precision[recall >= r - 1e-9][-1] for r in RECALLS]
    np.testing.assert_allclose(precision_at_recalls(scores, targets), expected)


def test_a_published_list_belongs_to_one_dataset_and_all_its_classes() -> None:
    genres = list(COUNTS)
    first, second = {
        tail.threshold: tail for tail in published_tails("fma_medium", genres)
    }.values()
    assert {genres[at] for at in first.rare} == {*RARE, "International"}
    assert {genres[at] for at in second.rare} == {*RARE, "International", "Country"}
    assert published_tails("fma_small", genres) == ()
    assert published_tails("fma_medium", genres[1:]) == ()


@pytest.fixture(scope="module")
def rare_page(tmp_path_factory: pytest.TempPathFactory) -> Rare:
    """A report on 16 genres with the training counts of FMA medium."""
    folder = tmp_path_factory.mktemp("rare")
    tags, targets = np.array(list(COUNTS)), np.tile(np.eye(16, dtype=np.uint8), (4, 1))
    scores = np.random.default_rng(1).dirichlet(np.ones(16), len(targets))
    facts = {"dataset": "fma_medium_44100", "model": "crnn_tf_matt", "task": "singlelabel"}
    cell = evaluation(folder, scores, targets, **facts)
    stored = dict(np.load(cell.predictions))
    np.savez(cell.predictions, **{**stored, "tags": tags})
    tables = build_tables([cell], n_boot=20, training_counts=COUNTS)
    write_tables(tables, folder)
    return write_report(tables, folder, {}), tables, cell


def test_rates_on_both_lists_stand_side_by_side(rare_page: Rare) -> None:
    page, tables, _ = rare_page
    own, listed = tables.long_tail, tables.long_tail_published
    assert own["classes"].iloc[0] == "Blues|Easy Listening|Soul-RnB|Spoken"
    assert set(listed["classes"].iloc[0].split("|")) == {*RARE, "International"}
    assert (own["n_tracks"].iloc[0], listed["n_tracks"].iloc[0]) == (16, 20)
    words = " ".join(Page(page.read_text()).text)
    assert "Not rare by its training tracks: International" in words
    assert "International 814" in words
    # The published scores: those of the notebook, since the cells of the slides are shifted.
    reported = [f"({value})" for value in ("0.495", "0.590", "0.612")]
    assert all(value in words for value in reported)
    assert "(0.712)" not in words


def test_average_precision_and_its_curve(rare_page: Rare) -> None:
    page, tables, cell = rare_page
    stored, board = load_predictions(cell.predictions), tables.leaderboard.iloc[0]
    area = sk.average_precision_score(stored.targets, stored.scores, average="micro")
    assert board["pr_auc_micro"] == pytest.approx(area, abs=1e-6)
    assert board["pr_auc_micro_low"] < area < board["pr_auc_micro_high"]
    file = page.parents[1] / "precision_recall.csv"
    assert to_csv(read_tables(file.parent).precision_recall) == file.read_text()
    assert f"{area:.3f} crnn_tf_matt" in page.read_text()
