"""The measured effect of a condition, ``effects.npz``, beside the predictions of each cell.

Cells of one condition hold the same values for every model, because the audio is the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from benchmark.perturbations.axis import STANDARD
from benchmark.perturbations.measure.effect import Effect

EFFECTS = "effects.npz"

UNITS = {quantity.name: quantity.unit for quantity in STANDARD}
"""Unit of each quantity that is measured for every perturbation."""

_DECIMALS = 6


@dataclass(frozen=True)
class ConditionEffects:
    """Measured effect of one condition on each track.

    Attributes:
        track_ids: (N,) names.
        figures: (N,) float64 by quantity; NaN if not measured or undefined.
    """

    track_ids: NDArray[np.str_]
    figures: Mapping[str, NDArray[np.float64]]

    @classmethod
    def of(cls, track_ids: NDArray[np.str_], effects: Sequence[Effect]) -> ConditionEffects:
        """Collect the effects of tracks in the order of ``track_ids``, rounded to six decimals."""
        rows = [effect.values() for effect in effects]
        names = list(rows[0]) if rows else list(UNITS)
        return cls(
            track_ids,
            {name: np.array([row[name] for row in rows]).round(_DECIMALS) for name in names},
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of ``effects.npz`` by name."""
        return {"track_ids": self.track_ids, **self.figures}


def read(path: Path) -> ConditionEffects | None:
    """Read ``effects.npz``; None if it is missing (as in older versions) or damaged."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            names = [*UNITS, *(n for n in stored.files if n not in {"track_ids", *UNITS})]
            return ConditionEffects(stored["track_ids"], {name: stored[name] for name in names})
    except (OSError, KeyError, ValueError, EOFError, BadZipFile):
        return None
