"""The tags of a cell of a table: separated by ``|``, or written as a list.

What a cell means is decided for the whole table. Where one cell contains ``|``, that is the
separator, and commas belong to the tags. Without any ``|``, cells with ``;`` are separated there,
since tags do not contain it. A cell that could be one tag or several is refused, because a wrong
guess would silently turn combinations of tags into classes.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from datamodules.common.errors import TagbenchError

_QUOTED = r"""[uU]?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_LIST = re.compile(rf"[\[({{]\s*(?:{_QUOTED}(?:[\s,]*{_QUOTED})*)?[\s,]*[\])}}]", re.DOTALL)
_CALL = re.compile(r"(?:array|set|frozenset|list|tuple|Index|Series)\s*\(.*\)", re.DOTALL)
_HASHTAGS = re.compile(r"#\S+(?:\s+#\S+)+")
_BARE = re.compile(r"\[[^\s,;'\"\[\]]+\]")  # as in the tag [live]
_CLOSING = {"[": "]", "{": "}"}
# Names of the characters that separate tags in other programs.
_SEPARATORS = {
    ",": "a comma", "\t": "a tab", "\n": "a line break", "\r": "a line break",
    "\u3001": "an ideographic comma", "\uff0c": "a fullwidth comma",
    "\uff1b": "a fullwidth semicolon", "\uff5c": "a fullwidth bar", "\u00a6": "a broken bar",
    "\u2022": "a bullet",
}  # fmt: skip
# Characters that names contain too (``Old-Time / Historic``): doubtful only if parts recur.
_DOUBTFUL = {
    "/": "a slash", "\\": "a backslash", "+": "a plus sign", " - ": "a dash"
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """Text of the tags of one track, and the file and line that it comes from."""

    text: str
    where: str


def split_tags(cells: Sequence[Cell], *, single: bool) -> list[list[str]]:
    """Return the tags of each cell of a table.

    Args:
        cells: The tags of all rows.
        single: Whether each track has one tag, so that commas and slashes belong to it.

    Raises:
        TagbenchError: If the notation of a cell is ambiguous or unknown, with the line and the
            expected separator.
    """
    has_bar = any("|" in _unquoted(cell.text.strip()) for cell in cells)
    lists = [_from_list(cell, has_bar=has_bar) for cell in cells]
    plain = [cell for cell, tags in zip(cells, lists, strict=True) if tags is None]
    separator = "|"
    if not has_bar:
        if any(";" in cell.text for cell in plain):
            separator = ";"
        elif not single:
            _refuse_doubtful(plain)
    return [
        cell.text.split(separator) if tags is None else tags
        for cell, tags in zip(cells, lists, strict=True)
    ]


def _from_list(cell: Cell, *, has_bar: bool) -> list[str] | None:
    """Return the tags of a list in Python, JSON or NumPy notation; None if the cell is none."""
    text = cell.text.strip()
    if not text or "|" in _unquoted(text):
        return None
    if text[0] in _CLOSING and text.endswith(_CLOSING[text[0]]):
        tags = _parse(text)
        if tags is None and has_bar and _BARE.fullmatch(text):
            return None
        if tags is None:
            raise TagbenchError(
                f"{cell.where}: the tags {_shown(text)} look like a list, but not one of strings. "
                "Separate tags with |, such as rock|loud, or write a JSON list of strings."
            )
        return tags
    if text[0] == "(" and _LIST.fullmatch(text):
        return _parse(text)
    if _CALL.fullmatch(text):
        raise TagbenchError(
            f"{cell.where}: the tags {_shown(text)} are the printed form of a Python object. "
            "Separate tags with |, such as rock|loud."
        )
    return None


def _unquoted(text: str) -> str:
    """Return the text without its quoted parts, if it may be a list."""
    return re.sub(_QUOTED, "", text) if text[:1] in ("[", "(", "{") else text


def _parse(text: str) -> list[str] | None:
    """Parse a list of strings, or of whole numbers; None if it is anything else."""
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if isinstance(values, list):
        plain = all(isinstance(v, str | int) and not isinstance(v, bool) for v in values)
        return [str(value) for value in values] if plain else None
    if _LIST.fullmatch(text):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of escapes that Python does not know
                return [ast.literal_eval(quoted) for quoted in re.findall(_QUOTED, text)]
        except (ValueError, SyntaxError):
            return None
    if re.fullmatch(r"[\[{]\s*\d+(?:\s*,\s*\d+)*[\s,]*[\]}]", text):
        return re.findall(r"\d+", text)
    return None


def _refuse_doubtful(cells: Iterable[Cell]) -> None:
    """Raise for the first cell that may hold several tags. The table has no ``|`` and no ``;``."""
    cells = list(cells)
    recurring = {mark: _recurring(cells, mark) for mark in _DOUBTFUL}
    for cell in cells:
        text = cell.text.strip()
        if _HASHTAGS.fullmatch(text):
            raise _doubt(cell, text, "#", "hash signs")
        for mark, name in _SEPARATORS.items():
            if mark in text:
                raise _doubt(cell, text, mark, name)
        for mark, name in _DOUBTFUL.items():
            if mark in text and recurring[mark] & set(_parts(text, mark)):
                raise _doubt(cell, text, mark, name)


def _recurring(cells: Sequence[Cell], mark: str) -> set[str]:
    """Return the parts that several different cells have in common, if separated at ``mark``."""
    texts = {cell.text.strip() for cell in cells}
    if not any(mark in text for text in texts):
        return set()
    counts: Mapping[str, int] = Counter(part for text in texts for part in _parts(text, mark))
    return {part for part, count in counts.items() if count > 1}


def _parts(text: str, mark: str) -> set[str]:
    return {part.strip() for part in text.split(mark)} - {""}


def _doubt(cell: Cell, text: str, mark: str, name: str) -> TagbenchError:
    parts = [part.strip() for part in text.split(mark) if part.strip()]
    return TagbenchError(
        f"{cell.where}: the tags {_shown(text)} contain {name} and may be one tag or several. "
        f"Separate tags with |, such as {_shown('|'.join(parts))}; if it is one tag, write | "
        f"behind it: {_shown(text + '|')}."
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "\N{HORIZONTAL ELLIPSIS}")
