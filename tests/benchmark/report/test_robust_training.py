"""The matrices of robust training in the report: section, figure and LaTeX."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmark.config.trained_on import TrainedOn
from benchmark.report.html import write_report
from benchmark.report.latex import tables_tex
from benchmark.report.training_matrices import matrices
from benchmark.score.tables.build import build_tables
from benchmark.store.predictions import CellFailure
from benchmark.store.tables import Tables
from tests.support.html_page import Page
from tests.support.report_page import page_of
from tests.support.scored import simulated

NOISE, PITCH = ("white_noise",), ("pitch_shift",)
FACTS = {
    "fcn": TrainedOn("fcn"),
    "fcn+pitch_shift": TrainedOn("fcn", "pitch_shift", PITCH),
    "fcn+white_noise": TrainedOn("fcn", "white_noise", NOISE),
    "musicnn": TrainedOn("musicnn"),
    "musicnn+my_chain": TrainedOn("musicnn", "my_chain", (*PITCH, *NOISE)),
}
SECTION = '<h2 id="robust-training">'


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    models = [name for name in FACTS if name != "fcn+white_noise"]
    cells = simulated(tmp_path_factory.mktemp("cells"), models)
    failure = CellFailure("synth", "fcn+white_noise", 0, "", None, "train", "no memory", "c0")
    return build_tables(cells, [failure], n_boot=100, trained_on=FACTS)


def test_the_report_shows_a_matrix_per_architecture(tables: Tables, tmp_path: Path) -> None:
    page = write_report(tables, tmp_path, {}).read_text(encoding="utf-8")
    assert "robust-training" in Page(page).ids
    _, found, section = page.partition(SECTION)
    assert found
    section = section.partition("<h2")[0]
    assert len(re.findall("<table>", section)) == 2
    assert len(re.findall("<td style=", section)) == 4  # the diagonals, also of the failed model
    assert "Without a result: fcn+white_noise, seed 0: training failed." in section
    for suffix in (".pdf", ".png", ".csv"):
        assert (tmp_path / "report/figures/robust_training").with_suffix(suffix).is_file()
    drawn = section[section.index("<svg") : section.index("</svg>")]
    assert drawn.count(">failed<") == 8  # four columns in both panels
    assert drawn.count(">reference<") == 2
    assert ">fcn: drop in ROC-AUC<" in drawn


def test_a_cell_shows_the_numbers_of_the_table(tables: Tables) -> None:
    fcn, musicnn = matrices(tables.robust_training)
    assert [row.title for row in fcn.rows] == ["clean", "pitch shift", "white noise"]
    assert [row.title for row in musicnn.rows] == ["clean", "my_chain"]
    assert fcn.titles == ["clean score", "pitch shift", "white noise", "unseen families"]
    (unseen,) = [cell for cell in musicnn.rows[1].cells if cell.values["tested_on"] == "unseen"]
    assert unseen.note == "\N{EN DASH}"  # the chain contained every family
    rows = tables.robust_training.set_index(["model", "tested_on"])
    cell = fcn.rows[1].cells[1]
    assert cell.seen
    assert cell.estimate[0] == rows.loc[("fcn+pitch_shift", "pitch_shift"), "drop"]
    assert (
        fcn.rows[1].cells[0].difference[0]
        == (rows.loc[("fcn+pitch_shift", "clean"), "score_difference"])
    )


def test_latex_marks_the_diagonal_and_significant_differences(tables: Tables) -> None:
    text = tables_tex(tables)
    assert r"\label{tab:synth-fcn-robust-training}" in text
    block = text.partition(r"\label{tab:synth-musicnn-robust-training}")[2]
    (line,) = [line for line in block.splitlines() if line.startswith(r"my\_chain")]
    cells = line.removesuffix(r" \\").split(" & ")
    rows = tables.robust_training
    own = rows[rows["model"] == "musicnn+my_chain"].set_index("tested_on")
    assert [r"\underline" in cell for cell in cells] == [False, False, True, True, False]
    assert cells[-1] == "--"
    for cell, name in zip(cells[1:4], ("clean", "pitch_shift", "white_noise"), strict=True):
        kind = "score" if name == "clean" else "drop"
        assert f"{own.loc[name, kind]:.3f}".replace("-", "$-$").replace("0.", ".", 1) in cell
        marked = r"\textbf" in cell or r"\textit" in cell
        assert marked == bool(own.loc[name, f"{kind}_significant"])


def test_a_report_without_augmented_models_is_as_before(tmp_path: Path) -> None:
    plain = build_tables(simulated(tmp_path), n_boot=10)
    folder = tmp_path / "results"
    page = page_of(plain, folder)
    assert SECTION not in page
    assert not list((folder / "report/figures").glob("robust_training*"))
    assert "robust-training" not in (folder / "report/tables.tex").read_text(encoding="utf-8")
