"""The table ``effects.csv``: requested and measured effect of each perturbed condition."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from benchmark.perturbations import axis_of
from benchmark.score.tables.columns import EFFECT_COLUMNS
from benchmark.score.tables.io import tidy
from benchmark.store.effects_file import EFFECTS, UNITS, ConditionEffects, read
from benchmark.store.predictions import Evaluation


def effects_frame(evaluations: Iterable[Evaluation]) -> pd.DataFrame:
    """Tabulate what was heard: one row a condition and figure; no rows where none was measured.

    ``asked`` is what the level stands for where its unit is that of a figure. ``low`` and ``high``
    hold the middle 90 % of the tracks; ``n_clips`` counts those that the figure could be told of.

    Args:
        evaluations: Finished cells of one dataset.
    """
    rows: list[dict[str, Any]] = []
    found: set[tuple[Any, ...]] = set()
    # In an order of their own: which cells were finished first must not show.
    for one in sorted(evaluations, key=lambda e: (*_key(e), e.cell_id)):
        if _key(one) in found:
            continue
        measured = read(one.predictions.with_name(EFFECTS))
        if measured is not None:
            found.add(_key(one))
            rows.extend(_rows(one, measured))
    return tidy(rows, EFFECT_COLUMNS)


def _key(one: Evaluation) -> tuple[Any, ...]:
    return one.protocol, one.family, one.perturbation, one.severity, one.level


def _rows(one: Evaluation, measured: ConditionEffects) -> Iterable[dict[str, Any]]:
    axis = axis_of(one.perturbation, one.unit)
    own = axis.requested if axis else None
    units = UNITS if own is None else {**UNITS, own.name: own.unit}
    for name in measured.figures:
        values = measured.figures[name]
        values = values[np.isfinite(values)]
        row = {
            "dataset": one.dataset,
            "perturbation": one.perturbation,
            "family": one.family,
            "severity": one.severity,
            "level": one.level,
            "unit": one.unit,
            "protocol": one.protocol,
            "quantity": name,
            "quantity_unit": units.get(name, ""),
            "asked": axis.requested_value(name, one.level) if axis else math.nan,
            "n_clips": values.size,
        }
        if values.size:
            low, median, high = np.quantile(values, (0.05, 0.5, 0.95))
            row |= {"mean": values.mean(), "median": median, "low": low, "high": high}
        yield row
