"""The table of scores by parameter, with published scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmark.report.data import ReportData
from benchmark.report.figures.draw import Drawn
from benchmark.report.html import environment
from benchmark.report.sections.parameter_grid import SECTION, grids
from benchmark.score.tables.build import build_tables
from tests.support.scored import simulated

MODELS = (
    "fma_svm",
    "fma_mlp[sets=mfcc]",
    "fma_svm[sets=zcr]",
    "fma_svm[sets=mfcc]",
    "my[best]",
    "fcn[n_mels=64]",
)


def test_rows_are_values_and_columns_are_models() -> None:
    board = [{"model": name, "accuracy": place / 10} for place, name in enumerate(MODELS)]
    (grid,) = grids(board, {"fma_svm[sets=mfcc]": 0.5, "fma_svm[sets=zcr]": 0.25})
    assert (grid.parameters, grid.models) == (("sets",), ("fma_svm", "fma_mlp"))
    scores = {values: tuple(row and row["model"] for row in cells) for values, cells in grid.rows}
    assert scores == {
        ("mfcc",): ("fma_svm[sets=mfcc]", "fma_mlp[sets=mfcc]"),
        ("zcr",): ("fma_svm[sets=zcr]", None),
        ("all",): ("fma_svm", None),  # the value of the file
    }
    assert list(scores)[:2] == [("mfcc",), ("zcr",)]  # in the order of the publication


def test_published_scores_stand_in_the_table(tmp_path: Path) -> None:
    cells = [
        replace(cell, dataset="fma_medium_44100")
        for cell in simulated(tmp_path, MODELS[1:4], n=40, task="singlelabel")
        if cell.condition.perturbation == "clean"
    ]
    tables = build_tables(cells, [], n_boot=50)
    data = ReportData(tables, tmp_path, Drawn(), {}, "", cites_models=False)
    variables = SECTION.build(data)
    assert variables is not None
    macros = environment().get_template("macros.html.jinja").module
    words = environment().from_string(SECTION.template).render(variables, data=data, m=macros)
    ours = tables.leaderboard.set_index("model").loc["fma_svm[sets=mfcc]", "accuracy"]
    assert f"published 0.610, {ours - 0.6098:+.3f}".replace("-", "\N{MINUS SIGN}") in words
    assert "not run" in words
