"""Errors that a user can act on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TagbenchError(Exception):
    """A failure whose message tells what failed, where, what was expected and what to do next.

    The command line shows it as one message without a traceback and exits with code 2.
    """


def unknown_name(kind: str, name: str, valid: Iterable[str], where: str = "") -> TagbenchError:
    """Build the error for a misspelt name, with the nearest valid one first.

    Args:
        kind: What the name stands for, such as ``"model"``.
        name: What the user wrote.
        valid: Every name that would have been accepted.
        where: File and key, or flag, in which the name was found.
    """
    names = sorted(valid)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    place = f" in {where}" if where else ""
    hint = f" Did you mean {near[0]!r}?" if near else ""
    known = ", ".join(names) if names else "none"
    return TagbenchError(f"Unknown {kind} {name!r}{place}.{hint} Valid: {known}.")
