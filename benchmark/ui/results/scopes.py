"""Conditions over which models are compared, by keys for addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.perturbations import CLEAN, SUITE, Condition
from benchmark.report.labels import level_label, pair_title
from benchmark.score.robustness import families
from benchmark.ui.results.found import record_of
from datamodules.common.errors import unknown_name


@dataclass(frozen=True)
class Scope:
    """Conditions over which two models are compared.

    Attributes:
        key: Its name in an address.
        title: Its name on a page.
        conditions: The conditions; the mean over directions, then severities, is compared.
    """

    key: str
    title: str
    conditions: tuple[Condition, ...]


def scopes_of(folder: Path) -> dict[str, Scope]:
    """Return the scopes of a dataset by key: clean audio, then families, then single conditions.

    Raises:
        TagbenchError: The dataset has no record.
    """
    found = {condition_of(cell) for cell in record_of(folder).of_kind("evaluation")}
    clean = sorted(
        (one for one in found if one.clean), key=lambda one: (one.protocol != SUITE, one.order)
    )
    perturbed = sorted((one for one in found if not one.clean), key=lambda one: one.order)
    scopes = [Scope("clean", "clean audio", (clean[0] if clean else CLEAN,))]
    for family in families(perturbed):
        own = tuple(perturbed[at] for step in family.severities for at in step)
        title = f"{pair_title(family.protocol, family.name)}, mean over severities"
        scopes.append(Scope(f"{family.protocol}/{family.name}", title, own))
    for one in perturbed:
        level = level_label(one.level, one.unit)
        title = f"{pair_title(one.protocol, one.perturbation)} {one.severity}: {level}"
        scopes.append(Scope(_key(one), title, (one,)))
    return {scope.key: scope for scope in scopes}


def _key(condition: Condition) -> str:
    return f"{condition.protocol}/{condition.perturbation}/{condition.severity}"


def condition_of(cell: Mapping[str, Any]) -> Condition:
    """Return the condition of an evaluation of a record."""
    return Condition.from_labels(cell["labels"])


def chosen_scope(folder: Path, key: str) -> Scope:
    """Return the scope of a key.

    Raises:
        TagbenchError: There is no such scope.
    """
    scopes = scopes_of(folder)
    if key not in scopes:
        raise unknown_name("scope", key, scopes)
    return scopes[key]
