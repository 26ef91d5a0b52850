"""Reading of stored tables."""

from __future__ import annotations

import pytest

from benchmark.store.tables import read_tables
from datamodules.common.errors import TagbenchError


def test_reading_needs_the_files(tmp_path):
    with pytest.raises(TagbenchError, match=r"no tables\.json"):
        read_tables(tmp_path)
