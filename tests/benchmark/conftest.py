"""Fixtures shared by the tests of the benchmark."""

from __future__ import annotations

import pytest

from benchmark.score.tables.build import build_tables
from benchmark.store.predictions import Evaluation
from benchmark.store.tables import Tables
from datamodules.corpus.corpus import Corpus
from datamodules.datasets.synthetic import Synth
from tests.support.scored import FAILURE, simulated


@pytest.fixture(scope="session")
def three_models(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Evaluation], Tables]:
    """Cells of three models and the tables made of them; a fourth model failed."""
    cells = simulated(tmp_path_factory.mktemp("three_models"))
    return cells, build_tables(cells, [FAILURE], n_boot=200)


@pytest.fixture(scope="session")
def smoke_corpus(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Corpus:
    """The synthetic corpus at its smallest, ``synth_smoke``, prepared once for all workers."""
    root = tmp_path_factory.getbasetemp()
    module = Synth(
        root=(root if worker_id == "master" else root.parent) / "smoke", tracks=30, workers=2
    )
    module.prepare_data()
    return module.corpus
