"""Statistics over the frames of a track."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

NAMES = ("kurtosis", "max", "mean", "median", "min", "skew", "std")
"""Names of the rows of `statistics`, in alphabetical order."""


def statistics(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Return seven statistics of each row.

    Skewness and excess kurtosis are the biased estimates. Those of a row that is constant up to
    the precision of float32 are 0 and -3, as SciPy 0.19 returned, with which the FMA dataset
    was computed. Later versions return NaN.

    Args:
        values: Values of shape ``(rows, frames)``.

    Returns:
        float64 of shape ``(7, rows)``, in the order of `NAMES`.
    """
    values = values.astype(np.float64)
    mean = values.mean(axis=1)
    centred = values - mean[:, None]
    squares = centred**2
    variance = squares.mean(axis=1)
    constant = variance <= (np.finfo(np.float32).eps * mean) ** 2
    scale = np.where(constant, 1, variance)
    skew = (squares * centred).mean(axis=1) / scale**1.5
    kurtosis = (squares**2).mean(axis=1) / scale**2
    return np.stack(
        [
            np.where(constant, 0, kurtosis) - 3,
            values.max(axis=1),
            mean,
            np.median(values, axis=1),
            values.min(axis=1),
            np.where(constant, 0, skew),
            np.sqrt(variance),
        ]
    )
