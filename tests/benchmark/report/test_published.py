"""Published scores in a report: only for the models and the dataset that were run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.published_scores import read_published
from benchmark.score.tables.build import build_tables
from benchmark.store.tables import write_tables
from tests.support.html_page import Page
from tests.support.report_page import page_of
from tests.support.scored import simulated


@pytest.mark.parametrize("dataset", ["mtat", "synth"])
def test_published_scores_stand_beside_those_of_the_run(tmp_path: Path, dataset: str) -> None:
    cells = [replace(cell, dataset=dataset) for cell in simulated(tmp_path)]
    tables = build_tables(cells, [], n_boot=50)
    write_tables(tables, tmp_path)
    words = Page(page_of(tables, tmp_path)).text
    if dataset == "synth":
        assert "Published scores" not in words
        return
    board = tables.leaderboard.set_index("model")
    printed = [row for row in read_published() if (row.model, row.dataset) == ("musicnn", "mtat")]
    assert {row.metric for row in printed} >= {"roc_auc", "pr_auc"}
    start = words.index("other protocol")
    shown = [word.strip() for word in words[start:] if word.strip()]
    for row in printed:
        assert row.source in shown
        assert f"{row.value:.3f}" in shown
        assert f"{board.loc['musicnn', row.metric]:.3f}" in shown
    assert "differs:" in shown  # a row of released weights that were run again
