"""The comparison of bags and single tracks in the report."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmark.report.html import write_report
from benchmark.report.sections.bags import bag_gains
from benchmark.score.tables.build import build_tables
from benchmark.store.tables import Tables
from tests.support.html_page import Page
from tests.support.scored import simulated

MODELS = ["matt", "matt (single clips)", "fcn"]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    return build_tables(simulated(tmp_path_factory.mktemp("cells"), MODELS), [], n_boot=100)


def test_a_model_is_compared_with_itself_only(tables: Tables):
    gains = bag_gains(tables.comparisons)
    assert {gain["model"] for gain in gains} == {"matt"}
    clean = next(gain for gain in gains if gain["title"] == "clean")
    scores = tables.leaderboard.set_index("model")["roc_auc"]
    assert clean["bags"] == pytest.approx(scores["matt"], abs=1e-6)
    assert clean["single"] == pytest.approx(scores["matt (single clips)"], abs=1e-6)
    assert clean["difference"] == pytest.approx(clean["bags"] - clean["single"], abs=2e-6)
    assert clean["low"] <= clean["difference"] <= clean["high"]


@pytest.mark.parametrize(
    ("pair", "low", "high", "verdict"),
    [
        (("matt", "matt (single clips)"), 0.01, 0.05, "bags"),
        (("matt (single clips)", "matt"), 0.01, 0.05, "single"),
        (("matt (single clips)", "matt"), -0.01, 0.05, "none"),
    ],
)
def test_the_interval_decides(pair: tuple[str, str], low: float, high: float, verdict: str):
    row = {"model_a": pair[0], "model_b": pair[1], "protocol": "suite", "scope": "clean"}
    row |= {"score_a": 0.7, "score_b": 0.67, "difference": 0.03, "low": low, "high": high}
    (gain,) = bag_gains(pd.DataFrame([row]))
    assert gain["verdict"] == verdict
    assert gain["bags"] == row["score_a" if pair[0] == "matt" else "score_b"]
    assert gain["low"] < gain["high"]


def test_the_section_names_the_models(tables: Tables, tmp_path: Path):
    page = write_report(tables, tmp_path, {}).read_text(encoding="utf-8")
    assert "bags" in Page(page).ids
    section = page.partition('<h2 id="bags">')[2].partition("<h2")[0]
    assert section.count('<th scope="row"') == 1
    assert "matt" in section
    assert "fcn" not in section
