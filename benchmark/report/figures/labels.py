"""Labels in figures: shortened to a width, and fonts with the glyphs that they need."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

TAG_COLUMNS, MODEL_COLUMNS = 40, 32
"""Greatest width of the label of a tag and of a model, in columns of a terminal."""

MAIN_FONT = "DejaVu Sans"

_COLUMN = 0.6  # mean width of a column as a share of the font size


def columns(text: str) -> int:
    """Return the width of a text in columns: 2 for a wide character of East Asian scripts."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def inches(labels: Iterable[str], size: float) -> float:
    """Return the estimated width of the longest label at a font size in points."""
    return max((columns(label) for label in labels), default=0) * _COLUMN * size / 72.0


def shorten(text: str, limit: int) -> str:
    """Return ``text`` on one line, cut to ``limit`` columns with an ellipsis at its end."""
    line = " ".join(text.split())
    if columns(line) <= limit:
        return line
    kept = ""
    for character in line:
        if columns(kept + character) > limit - 1:
            break
        kept += character
    return kept.rstrip() + ELLIPSIS


def shorten_all(texts: Sequence[str], limit: int) -> list[str]:
    """Return distinct labels of several names.

    Names that begin alike keep their ends; names that also end alike are numbered.

    Args:
        texts: Distinct names.
        limit: Greatest width of a label, in columns.
    """
    labels = [shorten(text, limit) for text in texts]
    if len(set(labels)) == len(set(texts)):
        return labels
    half = (limit - 1) // 2
    middle = []
    for text, label in zip(texts, labels, strict=True):
        if labels.count(label) == 1:
            middle.append(label)
            continue
        line = " ".join(text.split())
        end = shorten(line[::-1], half + 1)[-2::-1]
        middle.append(shorten(line, limit - half)[:-1] + ELLIPSIS + end)
    return [
        f"{shorten(text, limit - 3)} #{middle[:at].count(label) + 1}"
        if middle.count(label) > 1
        else label
        for at, (text, label) in enumerate(zip(texts, middle, strict=True))
    ]


def fallback_fonts(texts: Iterable[str]) -> tuple[list[str], str]:
    """Choose installed fonts for the characters that the main font lacks.

    Args:
        texts: What the figures print.

    Returns:
        Names of font families, the most useful first, and the characters that no font has.
    """
    wanted = {ord(c) for text in texts for c in text if c.isprintable()}
    lacking = wanted - _characters(font_manager.findfont(MAIN_FONT))
    families: list[str] = []
    for name, path in _system_fonts() if lacking else ():
        covered = lacking & _characters(path)
        if covered:
            families.append(name)
            lacking -= covered
        if not lacking:
            break
    return families, "".join(map(chr, sorted(lacking)))


@cache
def _characters(path: str) -> frozenset[int]:
    return frozenset(FT2Font(path).get_charmap())


@cache
def _system_fonts() -> tuple[tuple[str, str], ...]:
    """Return (family, file) of upright fonts: CJK and sans-serif fonts of normal weight first."""
    listed = {entry.fname for entry in font_manager.fontManager.ttflist}
    for path in sorted(set(font_manager.findSystemFonts()) - listed):  # installed since the cache
        try:
            font_manager.fontManager.addfont(path)
        except (OSError, RuntimeError):  # a font that FreeType cannot read
            continue
    fonts = [
        entry
        for entry in font_manager.fontManager.ttflist
        # matplotlib's font of boxes has a glyph for every character
        if entry.style == "normal" and "last resort" not in entry.name.lower()
    ]

    def preference(entry: font_manager.FontEntry) -> tuple[bool, bool, int, str, str]:
        name, weight = entry.name.lower(), entry.weight
        number = weight if isinstance(weight, int) else font_manager.weight_dict.get(weight, 400)
        serif = "serif" in name and "sans" not in name
        return "cjk" not in name, serif, abs(number - 400), entry.name, entry.fname

    return tuple((entry.name, entry.fname) for entry in sorted(fonts, key=preference))
