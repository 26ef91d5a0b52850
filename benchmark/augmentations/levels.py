"""Random levels of a perturbation between two bounds."""

from __future__ import annotations

import numpy as np

from benchmark.perturbations import Perturbation

Bounds = tuple[float, float]


def ends(perturbation: Perturbation) -> Bounds:
    """Return the mildest and the strongest level of a ladder, the smaller number first."""
    return min(perturbation.levels), max(perturbation.levels)


def ladder(perturbation: Perturbation, bounds: Bounds) -> list[float]:
    """Return the levels to draw from; empty for a continuous axis."""
    if perturbation.axis.scale != "ordinal":
        return []
    return [level for level in perturbation.levels if bounds[0] <= level <= bounds[1]]


def draw_level(perturbation: Perturbation, bounds: Bounds, rng: np.random.RandomState) -> float:
    """Draw a level, uniformly along the axis of the perturbation or from its ladder."""
    levels = ladder(perturbation, bounds)
    if levels:
        return levels[int(rng.randint(len(levels)))]
    if perturbation.axis.scale == "log2":
        # Rounded, so that the level does not depend on the last bit of a machine's logarithm.
        drawn = round(float(2.0 ** rng.uniform(*np.log2(bounds))), 9)
        return min(max(drawn, bounds[0]), bounds[1])
    return float(rng.uniform(*bounds))
