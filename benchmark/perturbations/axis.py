"""The physical axis of a perturbation: unit, scale, and the quantity that its level requests.

Tables and figures read these facts from the perturbation, so that a new unit needs no change
elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Measurement = Callable[[NDArray[np.float32], NDArray[np.float32], int], float]
"""Function of clean audio, perturbed audio (both of shape ``(samples,)``) and sample rate in Hz."""


@dataclass(frozen=True)
class Quantity:
    """A quantity measured on perturbed audio; a row of ``effects.csv`` for each condition.

    Attributes:
        name: Name in ``effects.csv``.
        unit: Its unit.
        measure: Returns its value for one track, NaN where it is undefined. None for the
            quantities that :mod:`benchmark.perturbations.measure.effect` measures for every
            perturbation.
    """

    name: str
    unit: str
    measure: Measurement | None = None


@dataclass(frozen=True)
class Axis:
    """Unit and scale of the levels of a perturbation.

    Attributes:
        unit: Unit of the levels, such as ``"semitones"``.
        label: Label of the axis in a figure.
        scale: ``"linear"``, ``"log2"``, or ``"ordinal"`` for levels that are names of presets:
            figures place these by severity.
        descending: Whether a smaller level is the stronger perturbation, as with a
            signal-to-noise ratio. Figures draw the stronger level farther from clean.
        clean: Level of clean audio, such as 1 for a playback rate; None where no finite level
            leaves the audio unchanged.
        tick: Format of the level at a tick mark.
        requested: Quantity whose value the level states; None where no measured quantity
            corresponds to it.
        per_level: Value of ``requested``, in its own unit, that a level of 1 states.
        signed: Whether labels print ``+`` before a positive level.
        prefix: Text before the number in a label, for units that do not follow it, as in
            ``ratio 2``.
    """

    unit: str
    label: str
    scale: Literal["linear", "log2", "ordinal"] = "linear"
    descending: bool = False
    clean: float | None = None
    tick: str = "{:g}"
    requested: Quantity | None = None
    per_level: float = 1.0
    signed: bool = False
    prefix: str = ""

    def position(self, level: float) -> float:
        """Return the position of ``level`` along the axis of a figure."""
        place = float(np.log2(level)) if self.scale == "log2" else float(level)
        return (-place if self.descending else place) + 0.0  # no negative zero

    def requested_value(self, name: str, level: float) -> float:
        """Return the value of quantity ``name`` that ``level`` states; NaN for other quantities."""
        if self.requested is None or self.requested.name != name:
            return math.nan
        return self.per_level * level


CENTS = Quantity("cents", "cents")
TEMPO_RATIO = Quantity("tempo_ratio", "ratio")
SNR = Quantity("snr_db", "dB")
RMS = Quantity("rms_db", "dB")

STANDARD = (
    RMS,
    Quantity("loudness_lu", "LU"),
    Quantity("crest_db", "dB"),
    Quantity("beyond_full_scale", "share"),
    SNR,
    CENTS,
    TEMPO_RATIO,
)
"""Quantities that are measured for every perturbation, in the order of ``effects.csv``."""

SEMITONES = Axis(
    "semitones", "pitch shift (semitones)", clean=0.0, requested=CENTS, per_level=100.0, signed=True
)
PLAYBACK_RATE = Axis(
    "rate",
    "playback rate (log2 scale)",
    scale="log2",
    clean=1.0,
    tick="{:.2f}",
    requested=TEMPO_RATIO,
    prefix="rate",
)
"""Axes that several modules share."""
