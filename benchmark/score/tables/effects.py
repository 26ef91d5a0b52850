"""Requested and measured effect of each condition, from the perturbing processes to a table.

The measurements are stored beside the predictions of each cell, so that ``effects.csv`` needs no
audio. Cells of one condition hold the same values for every model, since the audio is the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from benchmark.perturbations import axis_of
from benchmark.perturbations.axis import STANDARD
from benchmark.perturbations.measure.effect import Effect
from datamodules.common.seeding import seed_for

if TYPE_CHECKING:
    import pandas as pd

    from benchmark.store.predictions import Evaluation

EFFECTS = "effects.npz"

SAMPLE = range(8, 33)
"""Tracks of a condition whose loudness, pitch and tempo are measured, at least and at most."""
_SHARE = 20  # a twentieth of a test set costs some 3 % of perturbing it

UNITS = {quantity.name: quantity.unit for quantity in STANDARD}
"""Unit of each quantity that is measured for every perturbation."""

_DECIMALS = 6


def sampled(track_ids: Sequence[str]) -> frozenset[str]:
    """Return the tracks whose costly figures are measured: the same for every condition.

    Args:
        track_ids: All tracks of the test set, in any order.

    Returns:
        A twentieth of them, at least 8 and at most 32, chosen by their ids alone.
    """
    count = min(max(SAMPLE.start, len(track_ids) // _SHARE), SAMPLE.stop - 1)
    return frozenset(
        sorted(track_ids, key=lambda track: (seed_for("effects", track), track))[:count]
    )


@dataclass(frozen=True)
class Measured:
    """The figures of one condition.

    Attributes:
        track_ids: (N,) names.
        figures: (N,) float64 by quantity; NaN where not measured or undefined.
    """

    track_ids: NDArray[np.str_]
    figures: Mapping[str, NDArray[np.float64]]

    @classmethod
    def of(cls, track_ids: NDArray[np.str_], effects: Sequence[Effect]) -> Measured:
        """Collect the effects of tracks in their order, to six decimals."""
        rows = [effect.values() for effect in effects]
        names = list(rows[0]) if rows else list(UNITS)
        return cls(
            track_ids,
            {name: np.array([row[name] for row in rows]).round(_DECIMALS) for name in names},
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what is stored."""
        return {"track_ids": self.track_ids, **self.figures}


def read(path: Path) -> Measured | None:
    """Read ``effects.npz``; None where an older version, or an accident, left none."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            names = [*UNITS, *(n for n in stored.files if n not in {"track_ids", *UNITS})]
            return Measured(stored["track_ids"], {name: stored[name] for name in names})
    except (OSError, KeyError, ValueError, EOFError, BadZipFile):
        return None


def effects_frame(evaluations: Iterable[Evaluation]) -> pd.DataFrame:
    """Tabulate what was heard: one row a condition and figure; no rows where none was measured.

    ``asked`` is what the level stands for where its unit is that of a figure. ``low`` and ``high``
    hold the middle 90 % of the tracks; ``n_clips`` counts those that the figure could be told of.

    Args:
        evaluations: Finished cells of one dataset.
    """
    from benchmark.score.tables.columns import EFFECT_COLUMNS
    from benchmark.score.tables.io import tidy

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


def _rows(one: Evaluation, measured: Measured) -> Iterable[dict[str, Any]]:
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
