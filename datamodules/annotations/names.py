"""Normalisation of names, so that one name has one spelling.

Text that looks the same may differ: an accent is one code point in Unicode form NFC and two in NFD,
and a space may be a no-break space or be followed by a zero-width one. Tags and names are compared
in NFC, without invisible characters, with single spaces. Tags that differ in letter case stay
different classes; artists, albums and songs that differ in case or width are one group, because two
splits must not share them.
"""

from __future__ import annotations

import unicodedata

# Characters without width: zero-width space, joiners and marks, soft hyphen, byte order mark.
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200e\u200f\u2060\u00ad\ufeff"))


def nfc(text: str) -> str:
    """Return text in the Unicode form NFC."""
    return unicodedata.normalize("NFC", text)


def clean(text: str) -> str:
    """Return a name in NFC, without invisible characters, and with single spaces between words."""
    return " ".join(nfc(text.translate(_INVISIBLE)).split())


def match_key(name: str) -> str:
    """Return a key that is equal for spellings which differ in letter case or width only."""
    return clean(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()))
