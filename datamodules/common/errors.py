"""Errors that a user can act on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class TagbenchError(Exception):
    """A failure whose message states what failed, where, what was expected and what to do next.

    The command line prints the message without a traceback and exits with code 2.
    """


def unknown_name(kind: str, name: str, valid: Iterable[str], where: str = "") -> TagbenchError:
    """Return the error for a misspelt name, with the most similar valid name first.

    Args:
        kind: What the name stands for, such as ``"model"``.
        name: The name that the user wrote.
        valid: Every name that would have been accepted.
        where: File and key, or command-line option, that holds the name.
    """
    names = sorted(valid)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    place = f" in {where}" if where else ""
    hint = f" Did you mean {near[0]!r}?" if near else ""
    accepted = ", ".join(names) if names else "none"
    return TagbenchError(f"Unknown {kind} {name!r}{place}.{hint} Valid: {accepted}.")


def not_as_published(path: Path, line: int | None, what: str) -> TagbenchError:
    """Return the error for a downloaded file that differs from what its publisher serves.

    Args:
        path: The file.
        line: Number of the line, counted from 1; None if the file as a whole is wrong.
        what: What was expected and what was found.
    """
    place = f"{path}, line {line}" if line else str(path)
    return TagbenchError(
        f"{place}: {what}. This is not the file that its publisher serves. Delete it and run the "
        "same command again, or report it if the publisher has changed the file."
    )
