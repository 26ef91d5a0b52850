"""Perturbations of audio: one class each, discovered by its module; no registration needed."""

from __future__ import annotations

from benchmark.perturbations.apply import perturb, warm_up
from benchmark.perturbations.base import Perturbation
from benchmark.perturbations.catalogue import axis_of, catalogue, catalogue_entry
from benchmark.perturbations.condition import (
    CHAIN,
    CLEAN,
    CONTROLS,
    CUSTOM,
    LEVEL_NAMES,
    SUITE,
    Condition,
    protocol_order,
)
from benchmark.perturbations.profiles import PROFILES
from benchmark.perturbations.selection import resolve

__all__ = [
    "CHAIN",
    "CLEAN",
    "CONTROLS",
    "CUSTOM",
    "LEVEL_NAMES",
    "PROFILES",
    "SUITE",
    "Condition",
    "Perturbation",
    "axis_of",
    "catalogue",
    "catalogue_entry",
    "perturb",
    "protocol_order",
    "resolve",
    "warm_up",
]
