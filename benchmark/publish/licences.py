"""Licences of published weights: those of others are never published under a licence of ours."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from benchmark.config.card import Source, read_card
from benchmark.store.store import Store
from datamodules.common.errors import TagbenchError, unknown_name

UNSTATED = "unknown"
"""Licence of weights for which the publisher states none, as the Hugging Face hub names it."""

KNOWN: Mapping[str, str] = {
    # The wheel musicnn 0.1.0, see docs/pretrained.md.
    "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa": "isc",
}
"""Licence of published weights by the sha256 of the file that they were imported from."""

ALL = "all"
"""Stands for every model where models are named."""


def check_names(
    licences: Mapping[str, str], without: Collection[str], models: Sequence[str]
) -> None:
    """Check that the models that options name are in the results.

    Raises:
        TagbenchError: One is not.
    """
    for option, names in (("--licence", licences), ("--no-weights", set(without) - {ALL})):
        for name in sorted(names):
            if name not in models:
                raise unknown_name("model", name, models, option)


def licence_of(
    cell: Mapping[str, Any],
    cells: Mapping[str, Mapping[str, Any]],
    store: Store,
    default: str,
    own: str,
) -> str:
    """Return the licence of the weights of a model.

    Args:
        cell: Entry of the model in the run record.
        cells: All entries by id.
        store: Results folder.
        default: Licence of weights that were trained here; empty if none is stated.
        own: Licence that the publisher states for this model; empty if none is stated.

    Raises:
        TagbenchError: The weights were imported, or were trained from imported ones, whose licence
            is not known.
    """
    if own:
        return own
    sources = _sources(cell, cells, store)
    if unknown := {s.file for s in sources.values() if s.sha256 not in KNOWN}:
        name = cell["labels"]["model"]
        raise TagbenchError(
            f"The weights of {name} come from {', '.join(sorted(unknown))}, whose licence tagbench "
            f"does not know. If it permits to pass them on, name it: --licence '{name}=cc-by-4.0'; "
            f"otherwise leave them out: --no-weights '{name}'"
        )
    if cell["id"] in sources:
        return KNOWN[sources[cell["id"]].sha256]
    return default or UNSTATED


def inherited_licences(
    cell: Mapping[str, Any], cells: Mapping[str, Mapping[str, Any]], store: Store
) -> tuple[str, ...]:
    """Return the known licences of the imported weights that a model is, or was trained from."""
    digests = {source.sha256 for source in _sources(cell, cells, store).values()}
    return tuple(sorted({KNOWN[digest] for digest in digests & KNOWN.keys()}))


def _sources(
    cell: Mapping[str, Any], cells: Mapping[str, Mapping[str, Any]], store: Store
) -> dict[str, Source]:
    """Return the source of each imported model that a model is, or depends on, by cell."""
    imported = _imported(cell["id"], cells)
    return {parent: read_card(store.folder(parent)).source for parent in imported}


def _imported(cell: str, cells: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the imported models that a model is, or depends on."""
    if cell not in cells:
        return []
    own = [cell] if cells[cell]["kind"] == "import" else []
    return own + [
        found for parent in cells[cell]["depends_on"] for found in _imported(parent, cells)
    ]
