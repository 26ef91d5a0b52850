"""A comparison of tables for people, on a terminal or in a log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from benchmark.score.tables.diff import Change, Comparison

SHOWN = 20
"""Lines of a table or list unless all are asked for."""


def show(found: Comparison, *, every: bool = False) -> Iterator[RenderableType]:
    """Yield what to print of a comparison.

    Args:
        found: What differs.
        every: Whether to list all changes rather than the largest ones of each file.
    """
    if found.forced:
        yield Text(f"Compared by force, though not alike: {'; '.join(found.forced)}.", "yellow")
    for note in found.notes:
        yield Text(f"Note: {note}.", "dim")
    for verb, names in (("removed", found.removed), ("added", found.added)):
        for what in dict.fromkeys(what for what, _ in names):
            yield Text(_listed(verb, what, [n for w, n in names if w == what], every))
    for model, old, new in found.ranks:
        yield Text(f"rank of {model}: {old or '-'} -> {new or '-'}")
    for file in dict.fromkeys(change.file for change in found.changes):
        yield _table(file, [c for c in found.changes if c.file == file], every)
    yield Text(_summary(found))


def _listed(verb: str, what: str, names: Sequence[str], every: bool) -> str:
    shown = names if every else names[:SHOWN]
    rest = len(names) - len(shown)
    more = f", and {rest} more (--all)" if rest else ""
    return f"{verb}, {what}: {', '.join(shown)}{more}"


def _table(file: str, changes: Sequence[Change], every: bool) -> Table:
    shown = list(changes)
    title = f"{file}: {len(changes)} values differ"
    if not every and len(changes) > SHOWN:
        largest = sorted(changes, key=_size, reverse=True)[:SHOWN]
        shown = [change for change in changes if change in largest]
        title += f", the {SHOWN} largest changes of scores (--all shows every one)"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in ("row", "column"):
        table.add_column(name)
    for name in ("old", "new", "difference"):
        table.add_column(name, justify="right")
    table.add_column("in interval")
    for change in shown:
        style = "bold" if change.inside is False else ""
        inside = {None: "", True: "yes", False: "no"}[change.inside]
        values = (_number(change.old), _number(change.new), _number(change.difference, "+"))
        table.add_row(Text(change.row), change.column, *values, inside, style=style)
    return table


def _size(change: Change) -> float:
    """Order changes: a score's first, those outside their interval before the others."""
    if change.difference is None:
        return float("inf")
    return abs(change.difference) if change.inside is not None else -1.0


def _number(value: float | None, sign: str = "") -> str:
    if value is None:
        return ""
    # Counts are whole and large; scores have the six decimals of their file.
    return f"{value:{sign},.0f}" if value == int(value) and abs(value) > 1 else f"{value:{sign}.6f}"


def _summary(found: Comparison) -> str:
    title = f"{found.title}: " if found.title else ""
    if found.same:
        return f"{title}{found.shared} rows, all the same."
    outside = sum(change.inside is False for change in found.changes)
    return (
        f"{title}{found.shared} rows in common, {len(found.changes)} values differ, {outside} of "
        f"them outside the old interval; {len(found.ranks)} ranks changed."
    )
