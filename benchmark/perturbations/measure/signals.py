"""Power of a signal and interpolation of a maximum, shared by the measurements."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]

_SILENCE = 1e-12  # mean square

CONFIDENCE = 0.5
"""Least correlation at which a pitch shift or a tempo ratio counts as measured."""


def mean_product(x: Signal, y: Signal) -> float:
    """Return the mean of ``x * y``, both of shape ``(samples,)``; 0 for no samples."""
    # Not a dot product: its last bits depend on the number of BLAS threads.
    return float(np.mean(x * y)) if x.size else 0.0


def power(signal: Signal) -> float:
    """Return the mean square of ``signal``; NaN for silence."""
    value = mean_product(signal, signal)
    return value if value >= _SILENCE else math.nan


def peak(scores: Signal) -> tuple[float, float]:
    """Return position and height of the maximum of ``scores``, by parabolic interpolation."""
    k = int(scores.argmax())
    if 0 < k < scores.size - 1:
        a, b, c = scores[k - 1 : k + 2]
        bend = a - 2.0 * b + c
        if bend < 0.0:
            offset = 0.5 * (a - c) / bend
            return float(k + offset), float(b - 0.25 * (a - c) * offset)
    return float(k), float(scores[k])
