"""Find augmentations by name: chains in YAML files, transforms in the modules of this package."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from benchmark.augmentations.base import CLASSES, Transform
from benchmark.augmentations.chain import Chain
from benchmark.augmentations.perturbed import FamilyLevels, PerturbationLevels, Perturbed
from benchmark.experiment_files import find, load, names, parse
from datamodules.common.errors import TagbenchError, unknown_name

Entry = Mapping[str, Any]

TRANSFORM = "transform"
"""Key of an entry that names a class of this package; it cannot be a field of one."""

FAMILY = "family:"
"""Prefix of a selection that names a family of perturbations."""

FAMILY_PROBABILITY = 0.5
"""Probability in the chain of ``family:<name>``: as many crops stay clean."""

_KINDS: Mapping[str, type[Perturbed]] = {
    "perturbation": PerturbationLevels,
    "family": FamilyLevels,
}


class AugmentationFile(BaseModel):
    """``experiments/augmentations/<name>.yaml``: the transforms of a chain, in order.

    Attributes:
        transforms: Entries, see :func:`resolve`.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    transforms: list[dict[str, Any]] = Field(min_length=1)


def resolve(selection: str | Sequence[str | Entry]) -> Chain:
    """Return the augmentation that a selection names.

    Args:
        selection: The name of a chain in ``experiments/augmentations/``, the path of a YAML file,
            ``family:<name>`` for random levels of a family of perturbations on half of the crops,
            or a sequence of these and of entries, which are applied one after the other. An entry
            is a mapping with one of the keys ``transform`` (a class of this package),
            ``perturbation`` and ``family``; the other keys are the fields of that class, such as
            ``{transform: gain, decibels: [-6, 0], p: 0.5}``.

    Raises:
        TagbenchError: There is no such name; a key is missing or unknown; a value has a wrong type
            or is outside its range.
    """
    items = [selection] if isinstance(selection, str) else selection
    chain: list[Transform] = []
    for number, item in enumerate(items):
        chain += _named(item) if isinstance(item, str) else [_entry(item, f"augment[{number}]")]
    if not chain:
        raise TagbenchError("augment: expected at least one transform, found none.")
    return Chain(tuple(chain))


def transforms() -> dict[str, type[Transform]]:
    """Return the class of every transform that an entry can name, by name."""
    _discover()
    return {name: cls for name, cls in sorted(CLASSES.items()) if not issubclass(cls, Perturbed)}


@cache
def _discover() -> None:
    """Import every public module of the package; sub-packages hold no transforms."""
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        if not module.ispkg and not module.name.startswith("_"):
            importlib.import_module(f"{__package__}.{module.name}")


def _named(name: str) -> list[Transform]:
    if name.startswith(FAMILY):
        family = name.removeprefix(FAMILY)
        return [_entry({"family": family, "p": FAMILY_PROBABILITY}, f"augmentation {name!r}")]
    path = _file(name)
    return [
        _entry(entry, f"{path}: transforms[{number}]")
        for number, entry in enumerate(load(path, AugmentationFile).transforms)
    ]


def _file(name: str) -> Path:
    known = names("augmentations")
    if name not in known and not name.endswith((".yaml", ".yml")):
        raise unknown_name(
            "augmentation", name, [*known, *(FAMILY + family for family in FamilyLevels.known())]
        )
    return find("augmentations", name)


def _entry(entry: Entry, where: str) -> Transform:
    if TRANSFORM in entry:
        cls = _transform_class(entry[TRANSFORM], where)
        return parse({key: entry[key] for key in entry if key != TRANSFORM}, cls, where)
    for key, kind in _KINDS.items():
        if key in entry:
            if isinstance(entry[key], str) and entry[key] not in kind.known():
                raise unknown_name(key, entry[key], kind.known(), where)
            return parse(entry, kind, where)
    raise TagbenchError(
        f"{where}: expected one of the keys {TRANSFORM}, {', '.join(_KINDS)}; found "
        f"{', '.join(entry) or 'none'}."
    )


def _transform_class(name: object, where: str) -> type[Transform]:
    known = transforms()
    if not isinstance(name, str) or name not in known:
        raise unknown_name("transform", str(name), known, where)
    return known[name]
