"""Fixtures shared by the tests of the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.score.tables.build import build_tables
from benchmark.store.tables import Tables, write_tables
from tests.support.scored import simulated

ODD_NAME = "a--b_c\\d~e^f {g} 100% & $h$ #1 <i>|\"'`Čüøß"


@pytest.fixture(scope="session")
def paper_tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tables]:
    """Tables of four models, one with an odd name, one constant, and the folder of their CSVs."""
    folder = tmp_path_factory.mktemp("paper")
    models = ["fcn", ODD_NAME, "musicnn", "tag_prior"]
    tables = build_tables(simulated(folder, models), n_boot=50)
    write_tables(tables, folder)
    return folder, tables
