"""Markdown tables of generated pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def cell(text: str) -> str:
    """Return a text as the cell of a table: in one line, with pipes and angle brackets escaped."""
    plain = re.sub(r":\w+:(`[^`]+`)", r"\1", text.replace("``", "`"))  # roles of Sphinx
    joined = " ".join(plain.split())
    parts = joined.split("`")  # odd parts are code, in which only a pipe has to be escaped
    escaped = [
        part if at % 2 else part.replace("<", "&lt;").replace("*", r"\*")
        for at, part in enumerate(parts)
    ]
    return "`".join(escaped).replace("|", r"\|")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; the cells are escaped."""
    lines = [list(header), ["---"] * len(header), *([cell(text) for text in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
