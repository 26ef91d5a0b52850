"""LaTeX source of text and of tables."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import pandas as pd

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "`": r"\textasciigrave{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}

_PLAIN = frozenset("ßÆæŒœØøŁłı")
_MARKS = frozenset(
    map(chr, (*range(0x300, 0x305), *range(0x306, 0x309), *range(0x30A, 0x30D), 0x327))
)
"""Letters and diacritical marks that every font of pdfLaTeX has."""


def escape(text: str) -> str:
    """Return plain text as LaTeX source.

    Other scripts are kept, for XeLaTeX and LuaLaTeX; a character that is not printable becomes a
    question mark.
    """
    plain = "".join(
        _ESCAPES.get(character, character) if character.isprintable() else "?"
        for character in unicodedata.normalize("NFC", text)
    )
    return re.sub("-(?=-)", "-{}", plain)  # or two would be a dash


def needs_unicode_engine(text: str) -> bool:
    """Return whether ``text`` has characters that pdfLaTeX cannot print."""
    plain = unicodedata.normalize("NFC", text)
    return any(not _in_pdflatex(character) for character in plain if character.isprintable())


def _in_pdflatex(character: str) -> bool:
    if character.isascii():
        return True
    letter, *marks = list(unicodedata.normalize("NFD", character))
    accented = (
        ord(character) < 0x180 and letter.isascii() and bool(marks) and _MARKS.issuperset(marks)
    )
    return accented or character in _PLAIN


def table(
    caption: str,
    name: str,
    columns: str,
    headings: Sequence[str],
    rows: Sequence[str],
    separation: float = 2.8,
) -> str:
    """Return a table environment.

    Args:
        caption: LaTeX source of the caption.
        name: Label for references.
        columns: Column specification of the tabular.
        headings: LaTeX source of the headings.
        rows: Lines of the body, each with its line end.
        separation: Half the space between columns, in points.
    """
    lines = [
        r"\begin{table}[tbp]",
        r"\centering",
        f"\\small\\setlength{{\\tabcolsep}}{{{separation}pt}}",
        f"\\caption{{{caption}}}",
        f"\\label{{{name}}}",
        r"\vspace{4pt}",
        f"\\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
        r"\toprule",
        " & ".join(headings) + r" \\",
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
        "",
    ]
    return "\n".join(lines)


def safe(name: str) -> str:
    """Return a name with a hyphen in place of every character that a label cannot have."""
    return "".join(c if c.isalnum() and c.isascii() else "-" for c in name)


def interval(low: float | None, high: float | None) -> str:
    """Return an interval, or empty text if it has no ends."""
    if low is None or high is None or pd.isna(low) or pd.isna(high):
        return ""
    return f"\\tagbenchinterval{{{low:.3f}}}{{{high:.3f}}}".replace("{-0.", "{$-$0.")
