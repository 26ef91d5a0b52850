"""Perturbations: one class each, found by its module; nothing to register."""

from __future__ import annotations

from benchmark.perturbations.base import (
    CLEAN,
    LEVEL_NAMES,
    Condition,
    Perturbation,
    catalogue,
    perturb,
    warm_up,
)
from benchmark.perturbations.profiles import PROFILES
from benchmark.perturbations.selection import resolve

__all__ = [
    "CLEAN",
    "LEVEL_NAMES",
    "PROFILES",
    "Condition",
    "Perturbation",
    "catalogue",
    "perturb",
    "resolve",
    "warm_up",
]
