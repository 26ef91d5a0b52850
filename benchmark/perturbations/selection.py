"""From what a user writes to conditions: perturbations, families, protocols, profiles, chains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmark.perturbations.base import (
    CHAIN,
    CLEAN,
    CUSTOM,
    LEVEL_NAMES,
    RESERVED,
    SUITE,
    Condition,
    Perturbation,
    catalogue,
)
from benchmark.perturbations.profiles import PROFILES
from datamodules.common.errors import TagbenchError, unknown_name

Catalogue = Mapping[str, Perturbation]


def resolve(
    selection: str | Sequence[str], default_severities: Sequence[int] = (1, 2, 3, 4, 5)
) -> tuple[Condition, ...]:
    """Turn what a user wrote into conditions, without doubles: in catalogue order, chains last.

    Args:
        selection: Items, or one string of items separated by commas. An item is a perturbation, a
            family, a protocol, ``all`` or ``clean``, optionally followed by severities
            (``pitch_shift``, ``pitch_up:3``, ``white_noise:1+3+5``, ``all:moderate``); a profile
            (``core``); or a chain, which may have a name: ``compression:3>white_noise:2``,
            ``phone=compression:3>white_noise:2``.
        default_severities: Severities of an item that names none. A ladder that is not of the
            suite is a published grid, and is taken whole; a profile has severities of its own.

    Raises:
        TagbenchError: An item names nothing known, a level that its ladder lacks, or a chain that
            cannot be.
    """
    items = selection.split(",") if isinstance(selection, str) else selection
    known = catalogue()
    chosen: dict[Condition, None] = {}
    for item in items:
        chosen.update(dict.fromkeys(_item(item.strip(), known, default_severities)))
    _check_distinct([condition for condition in chosen if condition.links])
    place = {name: index for index, name in enumerate(known)}

    def order(condition: Condition) -> tuple[int, int]:
        if condition.links:
            return len(known), 0
        return place.get(condition.perturbation, -1), condition.severity

    return tuple(sorted(chosen, key=order))


def _item(item: str, known: Catalogue, default_severities: Iterable[int]) -> list[Condition]:
    name, _, severities = item.partition(":")
    if item == CLEAN.perturbation:
        return [CLEAN]
    if set(item) & {">", "="}:
        return [_chain(item, known)]
    if name in PROFILES:
        if ":" in item:
            raise TagbenchError(
                f"{item!r}: the profile {name} has severities of its own. Write {name}, or name "
                f"perturbations with severities, such as all:{severities or 3}."
            )
        return [known[n].condition(k) for n, numbers in PROFILES[name].items() for k in numbers]
    return [
        perturbation.condition(number)
        for perturbation in _members(name, known)
        for number in (
            [_severity(text, perturbation, item) for text in severities.split("+")]
            if ":" in item
            else _default(perturbation, default_severities)
        )
    ]


def _chain(item: str, known: Catalogue) -> Condition:
    """Return the chain that ``item`` spells, with or without ``name=`` before its links."""
    name, named, text = item.rpartition("=")
    name = name.strip()
    if named and (name in {*known, *_groups(known), *RESERVED} or not name.isidentifier()):
        raise TagbenchError(
            f"{item!r}: {name!r} cannot name a chain. A name is of letters, digits and underscores "
            "and means nothing else, as in 'phone=compression:3>white_noise:2'."
        )
    links = [_link(part.strip(), item, known) for part in text.split(">")]
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


def _link(text: str, item: str, known: Catalogue) -> Condition:
    found = _item(text, known, ())
    if len(found) != 1 or found[0] == CLEAN:
        example = found[0].label if found[0] != CLEAN else "white_noise:2"
        raise TagbenchError(
            f"{item!r}: a link of a chain is one perturbation at one level, such as {example}; "
            f"{text!r} is {'clean' if found[0] == CLEAN else f'{len(found)} conditions'}."
        )
    return found[0]


def _check_distinct(chains: Sequence[Condition]) -> None:
    """Raise where one name stands for two chains, or one chain has two names."""
    for facts in ("perturbation", "links"):
        seen: dict[object, Condition] = {}
        for chain in chains:
            other = seen.setdefault(getattr(chain, facts), chain)
            if other is not chain:
                raise TagbenchError(
                    f"{other.label!r} and {chain.label!r}: give each chain one name, and each name "
                    "one chain."
                )


def _groups(known: Catalogue) -> set[str]:
    """Return the names that stand for several perturbations: families and protocols."""
    families = {p.family for p in known.values() if p.protocol == SUITE}
    return families | {p.protocol for p in known.values()}


def _members(name: str, known: Catalogue) -> list[Perturbation]:
    """Return what ``name`` stands for: a perturbation, else a family, else a protocol."""
    if name in known:
        return [known[name]]
    every = known.values()
    if name == "all":
        return [p for p in every if p.default]
    members = [p for p in every if p.family == name and p.protocol == SUITE]
    members = members or [p for p in every if p.protocol == name]
    if not members:
        valid = {"all", CLEAN.perturbation, *known, *_groups(known), *PROFILES}
        raise unknown_name("perturbation", name, valid)
    return members


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
