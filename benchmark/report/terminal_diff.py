"""Differences of two sets of tables as text for a terminal or a log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from benchmark.score.tables.diff import Change, TableDiff

SHOWN = 20
"""Number of lines of a table or list that are printed unless all are requested."""


def show(diff: TableDiff, *, every: bool = False) -> Iterator[RenderableType]:
    """Yield the lines and tables to print for a comparison.

    Args:
        diff: Differences of the two sets of tables.
        every: Whether to list all changes instead of the largest ones of each file.
    """
    if diff.forced:
        yield Text(
            f"Compared because of --force, although not comparable: {'; '.join(diff.forced)}.",
            "yellow",
        )
    for note in diff.notes:
        yield Text(f"Note: {note}.", "dim")
    for verb, items in (("removed", diff.removed), ("added", diff.added)):
        for kind in dict.fromkeys(kind for kind, _ in items):
            names = [name for item_kind, name in items if item_kind == kind]
            yield Text(_listed(verb, kind, names, every))
    for model, old, new in diff.ranks:
        yield Text(f"rank of {model}: {old or '-'} -> {new or '-'}")
    for file in dict.fromkeys(change.file for change in diff.changes):
        yield _table(file, [c for c in diff.changes if c.file == file], every)
    yield Text(_summary(diff))


def _listed(verb: str, kind: str, names: Sequence[str], every: bool) -> str:
    shown = names if every else names[:SHOWN]
    rest = len(names) - len(shown)
    more = f", and {rest} more (--all)" if rest else ""
    return f"{verb}, {kind}: {', '.join(shown)}{more}"


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
    """Return the sort key of a change: missing values, then scores by size, then other values."""
    if change.difference is None:
        return float("inf")
    return abs(change.difference) if change.inside is not None else -1.0


def _number(value: float | None, sign: str = "") -> str:
    if value is None:
        return ""
    # Counts are whole and large; scores have the six decimals of their file.
    return f"{value:{sign},.0f}" if value == int(value) and abs(value) > 1 else f"{value:{sign}.6f}"


def _summary(diff: TableDiff) -> str:
    title = f"{diff.title}: " if diff.title else ""
    if diff.same:
        return f"{title}{diff.shared} rows, no differences."
    outside = sum(change.inside is False for change in diff.changes)
    return (
        f"{title}{diff.shared} rows in common, {len(diff.changes)} values differ, {outside} of "
        f"them outside the old interval; {len(diff.ranks)} ranks changed."
    )
