"""Tags that a perturbation may make true or false, and categories of tags.

A slow piece that is stretched may no longer be slow: a model that follows the change is right, and
its score falls. Each dataset therefore names the tags that a family of perturbations may change;
scores over the others, the *invariant* tags, stand beside those over all. Only tags that state
tempo, loudness or the sex of a voice are named; whether a song remains sad is left to listeners.

The tables of published datasets are the files ``files/*_tag_facts.json`` beside this module.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

Changes = Mapping[str, tuple[str, ...]]
"""Tags that each family of perturbations may change."""

CHAIN = "chain"
"""Family of several perturbations in turn: it may change whatever one of them changes."""


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
    """Return which families change tags about tempo, level and the sex of a voice.

    A shift of pitch by three semitones moves the formants of one sex to where those of the other
    are; compression makes quiet passages loud.
    """
    return {
        "time_stretch": tuple(tempo),
        "gain": tuple(level),
        "dynamic_range_compression": tuple(level),
        "pitch_shift": tuple(voice),
        CHAIN: tuple(dict.fromkeys((*tempo, *level, *voice))),
    }


def read_tag_table(name: str) -> TagTable:
    """Read the table of a published dataset.

    Args:
        name: ``"mtat"``, ``"msd"`` or ``"jamendo"``.
    """
    path = Path(__file__).parent / "files" / f"{name}_tag_facts.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    categories = {category: tuple(tags) for category, tags in content["categories"].items()}
    return TagTable(changes(**content["changed_by"]), categories)


def within(declared: Changes, tags: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the changes restricted to the tags of a dataset, in their order.

    Families that change none of them are left out.
    """
    names = tuple(tags)
    restricted = {
        family: tuple(tag for tag in names if tag in changed)
        for family, changed in declared.items()
    }
    return {family: changed for family, changed in restricted.items() if changed}


def by_prefix(tags: Iterable[str], separator: str = "---") -> dict[str, str]:
    """Return the category of tags that have it as a prefix, such as ``genre---rock``."""
    return {tag: tag.partition(separator)[0] for tag in tags if separator in tag}


def by_category(declared: Mapping[str, Collection[str]], tags: Iterable[str]) -> dict[str, str]:
    """Return the category of each tag that has one."""
    return {tag: name for tag in tags for name, group in declared.items() if tag in group}
