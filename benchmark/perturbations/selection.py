"""Parse a selection of perturbations, families, protocols, profiles and chains to conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmark.perturbations.base import RESERVED, Perturbation
from benchmark.perturbations.catalogue import catalogue
from benchmark.perturbations.condition import (
    CHAIN,
    CLEAN,
    CUSTOM,
    LEVEL_NAMES,
    SUITE,
    Condition,
)
from benchmark.perturbations.profiles import PROFILES
from datamodules.common.errors import TagbenchError, unknown_name

Catalogue = Mapping[str, Perturbation]


def resolve(
    selection: str | Sequence[str], default_severities: Sequence[int] = (1, 2, 3, 4, 5)
) -> tuple[Condition, ...]:
    """Return the conditions that a selection names, each once, in catalogue order, chains last.

    Args:
        selection: Items, or one string of items separated by commas. An item is a perturbation, a
            family, a protocol, ``all`` or ``clean``, optionally followed by severities
            (``pitch_shift``, ``pitch_up:3``, ``white_noise:1+3+5``, ``all:moderate``); a profile
            (``core``); or a chain, which may have a name: ``compression:3>white_noise:2``,
            ``phone=compression:3>white_noise:2``.
        default_severities: Severities of an item that names none. A ladder that is not of the
            suite is a published grid and is selected whole; a profile has severities of its own.

    Raises:
        TagbenchError: An item names no perturbation, group or profile, names a level that its
            ladder lacks, or is an invalid chain.
    """
    items = selection.split(",") if isinstance(selection, str) else selection
    entries = catalogue()
    chosen: dict[Condition, None] = {}
    for item in items:
        chosen.update(dict.fromkeys(_item(item.strip(), entries, default_severities)))
    _check_distinct([condition for condition in chosen if condition.links])
    place = {name: index for index, name in enumerate(entries)}

    def order(condition: Condition) -> tuple[int, int]:
        if condition.links:
            return len(entries), 0
        return place.get(condition.perturbation, -1), condition.severity

    return tuple(sorted(chosen, key=order))


def _item(item: str, entries: Catalogue, default_severities: Iterable[int]) -> list[Condition]:
    name, _, severities = item.partition(":")
    if item == CLEAN.perturbation:
        return [CLEAN]
    if set(item) & {">", "="}:
        return [_chain(item, entries)]
    if name in PROFILES:
        if ":" in item:
            raise TagbenchError(
                f"{item!r}: the profile {name} has severities of its own. Write {name}, or name "
                f"perturbations with severities, such as all:{severities or 3}."
            )
        return [entries[n].condition(k) for n, numbers in PROFILES[name].items() for k in numbers]
    return [
        perturbation.condition(number)
        for perturbation in _members(name, entries)
        for number in (
            [_severity(text, perturbation, item) for text in severities.split("+")]
            if ":" in item
            else _default(perturbation, default_severities)
        )
    ]


def _chain(item: str, entries: Catalogue) -> Condition:
    """Return the chain that ``item`` describes; ``name=`` before its links is optional."""
    name, named, text = item.rpartition("=")
    name = name.strip()
    if named and (name in {*entries, *_groups(entries), *RESERVED} or not name.isidentifier()):
        raise TagbenchError(
            f"{item!r}: {name!r} cannot name a chain. A name has letters, digits and underscores "
            "and no other meaning, as in 'phone=compression:3>white_noise:2'."
        )
    links = [_link(link.strip(), item, entries) for link in text.split(">")]
    if len(links) < 2:
        raise TagbenchError(
            f"{item!r}: a chain has two links or more, as in 'compression:3>white_noise:2'."
        )
    severity = max(link.severity for link in links)
    return Condition(
        perturbation=name or ">".join(link.label for link in links),
        family=CHAIN,
        severity=severity,
        level=float(severity),
        unit="severity",
        protocol=CUSTOM,
        links=tuple(links),
    )


def _link(text: str, item: str, entries: Catalogue) -> Condition:
    conditions = _item(text, entries, ())
    first = conditions[0]
    if len(conditions) != 1 or first == CLEAN:
        example = first.label if first != CLEAN else "white_noise:2"
        raise TagbenchError(
            f"{item!r}: a link of a chain is one perturbation at one level, such as {example}; "
            f"{text!r} is {'clean' if first == CLEAN else f'{len(conditions)} conditions'}."
        )
    return first


def _check_distinct(chains: Sequence[Condition]) -> None:
    """Raise where two chains have one name, or one chain has two names."""
    for facts in ("perturbation", "links"):
        seen: dict[object, Condition] = {}
        for chain in chains:
            other = seen.setdefault(getattr(chain, facts), chain)
            if other is not chain:
                raise TagbenchError(
                    f"{other.label!r} and {chain.label!r}: give each chain one name, and each name "
                    "one chain."
                )


def _groups(entries: Catalogue) -> set[str]:
    """Return the names of groups of perturbations: families and protocols."""
    families = {p.family for p in entries.values() if p.protocol == SUITE}
    return families | {p.protocol for p in entries.values()}


def _members(name: str, entries: Catalogue) -> list[Perturbation]:
    """Return the perturbation called ``name``, else those of that family, else of that protocol."""
    if name in entries:
        return [entries[name]]
    every = entries.values()
    if name == "all":
        return [p for p in every if p.default]
    selected = [p for p in every if p.family == name and p.protocol == SUITE]
    selected = selected or [p for p in every if p.protocol == name]
    if not selected:
        valid = {"all", CLEAN.perturbation, *entries, *_groups(entries), *PROFILES}
        raise unknown_name("perturbation", name, valid)
    return selected


def _severity(text: str, perturbation: Perturbation, item: str) -> int:
    text = text.strip()
    count = len(perturbation.levels)
    names = LEVEL_NAMES if count == len(LEVEL_NAMES) else ()
    valid = [str(number) for number in range(1, count + 1)]
    if text in names:
        return names.index(text) + 1
    if text not in valid:
        kind = f"level of {perturbation.name}"
        raise unknown_name(kind, text, [*valid, *names], where=f"perturbation {item!r}")
    return int(text)


def _default(perturbation: Perturbation, severities: Iterable[int]) -> list[int]:
    every = range(1, len(perturbation.levels) + 1)
    if perturbation.protocol != SUITE:
        return list(every)
    return [number for number in every if number in set(severities)] or list(every)
