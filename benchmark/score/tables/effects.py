"""The table ``effects.csv``: requested and measured effect of each perturbed condition."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from benchmark.perturbations import axis_of
from benchmark.score.tables.schema import Rows, TableSpec, columns, ordered
from benchmark.store.effects_file import EFFECTS, UNITS, ConditionEffects, read
from benchmark.store.predictions import Evaluation


def effect_rows(evaluations: Iterable[Evaluation]) -> Rows:
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
    return rows


def _key(one: Evaluation) -> tuple[Any, ...]:
    found = one.condition
    return found.protocol, found.family, found.perturbation, found.severity, found.level


def _rows(one: Evaluation, measured: ConditionEffects) -> Iterable[dict[str, Any]]:
    condition = one.condition
    axis = axis_of(condition.perturbation, condition.unit)
    own = axis.requested if axis else None
    units = UNITS if own is None else {**UNITS, own.name: own.unit}
    for name in measured.figures:
        values = measured.figures[name]
        values = values[np.isfinite(values)]
        row = {
            "dataset": one.dataset,
            **condition.plain(),
            "quantity": name,
            "quantity_unit": units.get(name, ""),
            "asked": axis.requested_value(name, condition.level) if axis else math.nan,
            "n_clips": values.size,
        }
        if values.size:
            low, median, high = np.quantile(values, (0.05, 0.5, 0.95))
            row |= {"mean": values.mean(), "median": median, "low": low, "high": high}
        yield row


_EFFECTS = (
    *columns(
        "text",
        quantity="measured quantity",
        quantity_unit="unit of the quantity",
    ),
    *columns("integer", n_clips="clips for which the quantity is defined"),
    *columns(
        "number",
        asked="value that the level requests, where its unit is that of a quantity",
        mean="mean over clips",
        median="median over clips",
        low="5 % quantile over clips",
        high="95 % quantile over clips",
    ),
)

TABLES = (
    TableSpec(
        "effects",
        "one row per perturbed condition and quantity: requested and measured effect",
        ("protocol", "perturbation", "severity", "level", "quantity"),
        ordered(
            "dataset perturbation family severity level unit protocol quantity quantity_unit asked "
            "mean median low high n_clips",
            _EFFECTS,
        ),
        from_inputs=lambda inputs: effect_rows(inputs.evaluations),
        optional=True,
    ),
)
