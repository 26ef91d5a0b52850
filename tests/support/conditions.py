"""All conditions of the catalogue, and audio under them."""

from __future__ import annotations

from operator import attrgetter

import numpy as np
import pytest

from benchmark.perturbations import Condition, catalogue, perturb
from tests.support.sounds import RATE

ALL_CONDITIONS = [
    c for p in catalogue().values() for c in map(p.condition, range(1, len(p.levels) + 1))
]
each_perturbation = pytest.mark.parametrize("name", list(catalogue()))
condition_label = attrgetter("label")
each_condition = pytest.mark.parametrize("condition", ALL_CONDITIONS, ids=condition_label)


def conditions_of(name: str) -> list[Condition]:
    """Return the conditions of a perturbation, mildest first."""
    return [c for c in ALL_CONDITIONS if c.perturbation == name]


def perturbed(
    audio: np.ndarray, condition: Condition, track: str = "track", seed: int = 0
) -> np.ndarray:
    """Return audio at `RATE` under a condition."""
    return perturb(audio, RATE, condition, seed=seed, track_id=track)
