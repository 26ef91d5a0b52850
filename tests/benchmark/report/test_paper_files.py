"""The files of a report for a paper: ``tables.tex`` and ``references.bib``."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from benchmark.report.html import write_report
from benchmark.report.latex import tables_tex
from benchmark.store.tables import Tables, to_csv
from tests.support.bibtex import entries_of

ENTRY = "@misc{one, title={A {B}}, year={2020}}"


@pytest.fixture(scope="module")
def report(paper_tables: tuple[Path, Tables]) -> tuple[Path, str]:
    """The folder and the page of the report."""
    folder, tables = paper_tables
    return folder, write_report(tables, folder, {}, [ENTRY]).read_text()


def test_written_tables_are_those_of_the_same_numbers(paper_tables, report):
    _, tables = paper_tables
    folder, _ = report
    assert (folder / "report" / "tables.tex").read_text() == tables_tex(tables)
    assert (folder / "leaderboard.csv").read_text() == to_csv(tables.leaderboard)


def test_the_bibliography_is_on_the_page_and_beside_it(report):
    folder, page = report
    text = (folder / "report" / "references.bib").read_text()
    entries = entries_of(text)
    assert entries["one"]["title"] == "{A {B}}"
    assert {"tagbench", "signalsmith_stretch", "hendrycks2019benchmarking"} <= set(entries)
    shown = re.search(r'<pre id="bibtex"[^>]*>(.*?)</pre>', page, re.DOTALL)[1]
    assert html.unescape(shown) == text
