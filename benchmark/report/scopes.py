"""Which protocol and family a column of the leaderboard is about, and which columns count."""

from __future__ import annotations

from benchmark.score.tables.io import drop_columns
from benchmark.store.predictions import Tables


def scope_of(tables: Tables, column: str) -> tuple[str, str]:
    """Return (protocol, family) of a drop column of the leaderboard."""
    name = column.removesuffix("_drop")
    for protocol in sorted({str(p) for p in tables.robustness["protocol"].dropna()}):
        if protocol != "suite" and name.startswith(f"{protocol}_"):
            return protocol, name.removeprefix(f"{protocol}_")
    return "suite", name


def main_drops(tables: Tables) -> tuple[str, list[str]]:
    """Return the protocol that means are over, ``suite`` where it was heard, and its columns."""
    scopes = {name: scope_of(tables, name)[0] for name in drop_columns(tables.leaderboard)}
    main = min(scopes.values(), key=lambda protocol: (protocol != "suite", protocol), default="")
    return main or "suite", [name for name, protocol in scopes.items() if protocol == main]
