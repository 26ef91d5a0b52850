"""Fixtures shared by the tests of dataset descriptions."""

from __future__ import annotations

import pytest

from datamodules.corpus.corpus import Corpus
from datamodules.datasets.synthetic import Synth


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Corpus:
    """The synthetic corpus at its smallest, prepared once for all workers."""
    root = tmp_path_factory.getbasetemp()
    module = Synth(
        root=(root if worker_id == "master" else root.parent) / "described", tracks=30, workers=2
    )
    module.prepare_data()
    return module.corpus
