"""The page of a report without the PDF and PNG files of its figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from benchmark.report.html import write_report
from benchmark.store.tables import Tables


def page_of(tables: Tables, folder: Path, provenance: Mapping[str, Any] | None = None) -> str:
    """Return the page, with its inline figures.

    The files take two thirds of the time of a report, which tests of the text of a page save.
    """
    with mock.patch("benchmark.report.figures.draw.save", return_value=[]):
        return write_report(tables, folder, provenance or {}).read_text("utf-8")
