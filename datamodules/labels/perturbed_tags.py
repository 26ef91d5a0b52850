"""Tags whose truth a perturbation may change, and categories of tags.

A slow piece may no longer be slow after a time stretch. A model that predicts the new tag is then
correct, but its score decreases. Each dataset therefore declares the tags that a family of
perturbations may change; scores over the other tags, the *invariant* tags, are reported beside the
scores over all tags. Only tags of tempo, loudness and the sex of a voice are declared; effects on
tags such as mood would need listening tests.

The tables of published datasets are ``files/*_tag_facts.json`` in the folder of this module.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

Changes = Mapping[str, tuple[str, ...]]
"""Tags that each family of perturbations may change."""

CHAIN = "chain"
"""Family of several perturbations in series; it may change all tags that one of them changes."""


@dataclass(frozen=True)
class TagTable:
    """Facts about the tags of a dataset.

    Attributes:
        changes: Tags that each family of perturbations may change.
        categories: Tags by category, such as genre, instrument, mood, voice.
    """

    changes: Changes
    categories: Mapping[str, tuple[str, ...]]


def changes(
    *, tempo: Collection[str] = (), level: Collection[str] = (), voice: Collection[str] = ()
) -> Changes:
    """Return the tags that each family of perturbations may change.

    A pitch shift by three semitones moves the formants of a voice of one sex into the range of the
    other; compression makes quiet passages louder.

    Args:
        tempo: Tags that state a tempo.
        level: Tags that state a loudness.
        voice: Tags that state the sex of a voice.
    """
    return {
        "time_stretch": tuple(tempo),
        "gain": tuple(level),
        "dynamic_range_compression": tuple(level),
        "pitch_shift": tuple(voice),
        CHAIN: tuple(dict.fromkeys((*tempo, *level, *voice))),
    }


def read_tag_table(name: str) -> TagTable:
    """Read the tag table of a published dataset.

    Args:
        name: ``"mtat"``, ``"msd"`` or ``"jamendo"``.
    """
    path = Path(__file__).parent / "files" / f"{name}_tag_facts.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    categories = {category: tuple(tags) for category, tags in content["categories"].items()}
    return TagTable(changes(**content["changed_by"]), categories)


def within(declared: Changes, tags: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the declared changes restricted to the tags of a dataset.

    Args:
        declared: Tags that each family may change.
        tags: Tags of the dataset.

    Returns:
        Tags that each family may change, in the order of ``tags``, without families that change
        none of them.
    """
    names = tuple(tags)
    restricted = {
        family: tuple(tag for tag in names if tag in changed)
        for family, changed in declared.items()
    }
    return {family: changed for family, changed in restricted.items() if changed}


def by_prefix(tags: Iterable[str], separator: str = "---") -> dict[str, str]:
    """Return the category of each tag that has it as a prefix, such as ``genre---rock``."""
    return {tag: tag.partition(separator)[0] for tag in tags if separator in tag}


def by_category(declared: Mapping[str, Collection[str]], tags: Iterable[str]) -> dict[str, str]:
    """Return the category of each tag that is in a category.

    Args:
        declared: Tags by category.
        tags: Tags of the dataset.
    """
    return {tag: name for tag in tags for name, group in declared.items() if tag in group}
