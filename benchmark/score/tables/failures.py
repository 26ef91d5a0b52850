"""The table ``failures.csv``: one row per cell that did not finish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from benchmark.score.tables.schema import Rows, TableSpec, columns, ordered
from benchmark.store.predictions import CellFailure


def _rows(failures: Sequence[CellFailure]) -> Rows:
    """Return one row per failure, sorted by its values."""
    names = [field.name for field in fields(CellFailure)]
    rows = [
        {**{name: getattr(failure, name) for name in names}, "error": failure.error.strip()}
        for failure in failures
    ]
    return sorted(rows, key=lambda row: [str(row[name]) for name in names])


_FAILURES = (
    *columns("integer", seed="training seed"),
    *columns(
        "text",
        stage="stage that failed: train, evaluation or score",
        error="error message on one line",
        cell_id="id of the cell, whose folder contains the traceback",
    ),
)

TABLES = (
    TableSpec(
        "failures",
        "one row per cell that failed",
        ("model", "seed", "perturbation", "level", "stage", "cell_id"),
        ordered("dataset model seed perturbation level stage error cell_id", _FAILURES),
        from_inputs=lambda inputs: _rows(inputs.failures),
    ),
)
