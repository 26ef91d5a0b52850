"""Published scores in a report: only for the models and the dataset that were run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.config.compared_tags import ComparedTags, MatchedTags
from benchmark.published_scores import read_published
from benchmark.report.data import ReportData
from benchmark.report.figures.draw import Drawn
from benchmark.report.sections import published
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


def test_published_scores_of_all_tags_have_no_difference_to_scores_of_some(tmp_path: Path) -> None:
    cells = [replace(cell, dataset="mtat") for cell in simulated(tmp_path, models=("musicnn",))]
    names = ("tag0", "tag1", "tag2", "tag3", "tag4")
    imported = MatchedTags("msd", names[:3], {name: name for name in names[:3]}, {}, {})
    compared = ComparedTags(names[:3], names, {"musicnn": imported})
    cells = [replace(cell, tags=names[:3], columns=names[:3]) for cell in cells]
    tables = build_tables(cells, n_boot=5, compared=compared)
    data = ReportData(tables, tmp_path, Drawn(), {}, "", cites_models=False)
    shown = published.SECTION.build(data)
    assert shown is not None
    assert {row["difference"] for row in shown["rows"]} == {None}
    assert all("published over 5 tags, this run over 3" in row["notes"] for row in shown["rows"])
