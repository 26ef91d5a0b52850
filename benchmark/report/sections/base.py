"""A section of the HTML report, and the list of all sections.

Each module of this package with a ``SECTION`` adds one to the page; no registration is needed.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchmark.report.data import ReportData


@dataclass(frozen=True)
class Section:
    """One section of the report.

    Attributes:
        id: Anchor on the page; letters, digits and hyphens.
        title: Heading and entry of the table of contents. ``{unit}`` and ``{units}`` become
            "tag" and "tags", or "class" and "classes".
        order: Position on the page; sections are sorted by it.
        template: Jinja source of what follows the heading. It sees the variables that ``build``
            returns, ``data`` (a :class:`~benchmark.report.data.ReportData`) and the macros of
            ``templates/macros.html.jinja`` as ``m``.
        build: Returns the variables of the template; None leaves the section out.
        shows: Tables and figures of the section, for dashboards: patterns of the names under which
            they are logged, such as ``per_tag``, ``figures/degradation_*`` or ``curves/*``.
    """

    id: str
    title: str
    order: int
    template: str
    build: Callable[[ReportData], Mapping[str, Any] | None]
    shows: tuple[str, ...] = ()


def include(name: str) -> str:
    """Return the template source that includes ``templates/sections/<name>.html.jinja``."""
    return f'{{% include "sections/{name}.html.jinja" %}}'


@cache
def sections() -> tuple[Section, ...]:
    """Return the sections of all modules of this package, in their order on the page.

    Raises:
        TypeError: Two sections have the same id.
    """
    package = importlib.import_module(__package__)
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    modules = [importlib.import_module(f"{__package__}.{name}") for name in names]
    declared = [module.SECTION for module in modules if hasattr(module, "SECTION")]
    ids = [section.id for section in declared]
    if len(set(ids)) < len(ids):
        twice = sorted({name for name in ids if ids.count(name) > 1})
        raise TypeError(f"Two report sections have the id {', '.join(twice)}. Rename one of them.")
    return tuple(sorted(declared, key=lambda section: (section.order, section.id)))
