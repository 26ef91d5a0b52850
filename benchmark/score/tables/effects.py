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
    """Return one row per perturbed condition and measured quantity.

    The level of a perturbation requests a value of a quantity if both have the same unit; the
    column ``asked`` contains that value and is NaN otherwise. The columns ``low`` and ``high``
    contain the 5 % and 95 % quantiles over tracks, and ``n_clips`` the number of tracks for which
    the quantity is defined.

    Args:
        evaluations: Finished cells of one dataset.

    Returns:
        Rows sorted by condition; empty if no effect was measured.
    """
    rows: list[dict[str, Any]] = []
    tabulated: set[tuple[Any, ...]] = set()
    # Sorted, so that the table does not depend on the order in which cells finished.
    for evaluation in sorted(evaluations, key=lambda e: (*_condition_key(e), e.cell_id)):
        key = _condition_key(evaluation)
        if key in tabulated:
            continue
        measured = read(evaluation.predictions.with_name(EFFECTS))
        if measured is not None:
            tabulated.add(key)
            rows.extend(_rows(evaluation, measured))
    return rows


def _condition_key(evaluation: Evaluation) -> tuple[Any, ...]:
    """Return the values that identify a condition and sort conditions."""
    condition = evaluation.condition
    return (
        condition.protocol,
        condition.family,
        condition.perturbation,
        condition.severity,
        condition.level,
    )


def _rows(evaluation: Evaluation, measured: ConditionEffects) -> Iterable[dict[str, Any]]:
    """Yield one row per measured quantity of the condition of an evaluation."""
    condition = evaluation.condition
    axis = axis_of(condition.perturbation, condition.unit)
    own = axis.requested if axis else None
    units = UNITS if own is None else {**UNITS, own.name: own.unit}
    for name in measured.figures:
        values = measured.figures[name]
        values = values[np.isfinite(values)]
        row = {
            "dataset": evaluation.dataset,
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
    *columns("integer", n_clips="number of clips for which the quantity is defined"),
    *columns(
        "number",
        asked="value that the level requests, if the level has the unit of the quantity",
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
