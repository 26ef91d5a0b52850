"""Robust training: drops by what a model was trained on and what it is tested on."""

from __future__ import annotations

from typing import Any

from benchmark.report.data import ReportData
from benchmark.report.sections.base import Section, include
from benchmark.report.training_matrices import matrices


def _build(data: ReportData) -> dict[str, Any] | None:
    found = matrices(data.tables.robust_training)
    if not found:
        return None
    return {"picture": data.figures.wide.get("robust_training"), "matrices": found}


SECTION = Section(
    "robust-training",
    "Training for robustness",
    35,
    include("robust_training"),
    _build,
    shows=("robust_training", "figures/robust_training"),
)
