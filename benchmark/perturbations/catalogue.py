"""The catalogue: every perturbation class in the modules of this package."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from benchmark.perturbations.axis import Axis
from benchmark.perturbations.base import CLASSES, Perturbation
from benchmark.perturbations.condition import protocol_order
from datamodules.common.errors import unknown_name


@cache
def _discover() -> None:
    """Import every public module of the package; sub-packages hold no perturbations."""
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        if not module.ispkg and not module.name.startswith("_"):
            importlib.import_module(f"{__package__}.{module.name}")


def catalogue() -> dict[str, Perturbation]:
    """Return every perturbation by name: default ones first, then the suite, then by protocol."""
    _discover()
    order = sorted(
        CLASSES.values(),
        key=lambda c: (not c.default, *protocol_order(c.protocol), c.family, c.name),
    )
    return {cls.name: cls() for cls in order}


def catalogue_entry(name: str) -> Perturbation:
    """Return the perturbation called ``name``.

    Raises:
        TagbenchError: There is none.
    """
    _discover()
    if name not in CLASSES:
        raise unknown_name("perturbation", name, CLASSES)
    return CLASSES[name]()


def axis_of(perturbation: str, unit: str) -> Axis | None:
    """Return the axis of a row of a table.

    Args:
        perturbation: Name in the table. Where the catalogue has it with this unit, its axis is
            returned; else that of the first perturbation with this unit.
        unit: Unit of the row.

    Returns:
        The axis; None for a unit that no perturbation has, such as that of a chain, or where
        results name a perturbation that is no longer installed.
    """
    _discover()
    own = CLASSES.get(perturbation)
    if own is not None and own.axis.unit == unit:
        return own.axis
    return next((p.axis for p in catalogue().values() if p.unit == unit), None)
