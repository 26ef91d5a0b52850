"""Fixtures shared by the tests of data modules and loaders."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.noise_datamodule import Noise


@pytest.fixture(scope="session")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that holds the prepared corpus of `Noise`."""
    folder = tmp_path_factory.mktemp("corpora")
    Noise(root=folder, workers=2).prepare_data()
    return folder
