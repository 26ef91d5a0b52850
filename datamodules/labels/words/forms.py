"""Words under which the vector of a tag is looked up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from datamodules.common.errors import TagbenchError

Float32 = npt.NDArray[np.float32]

_SEPARATORS = re.compile(r"[\s_\-/&+,.]+")


def tag_text(tag: str) -> str:
    """Return the text of a tag without the category before ``---``, as in MTG-Jamendo."""
    return tag.rsplit("---", 1)[-1].strip()


def split_words(tag: str) -> list[str]:
    """Return the words of a tag."""
    return [word for word in _SEPARATORS.split(tag_text(tag)) if word]


def whole_forms(tag: str) -> list[str]:
    """Return the spellings of a tag as one entry, in the order in which they are looked up.

    Files join the words of a phrase by an underscore, a hyphen or nothing.
    """
    words = split_words(tag)
    forms = [tag_text(tag), *(joint.join(words) for joint in ("_", "-", ""))]
    return list(dict.fromkeys([*forms, *(form.lower() for form in forms)]))


def wanted_entries(tags: Sequence[str]) -> set[str]:
    """Return every entry of a file that may matter for some tags."""
    entries: set[str] = set()
    for tag in tags:
        entries |= set(whole_forms(tag))
        for word in split_words(tag):
            entries |= {word, word.lower()}
    return entries


def tag_vectors(tags: Sequence[str], found: Mapping[str, Float32], where: str) -> Float32:
    """Return the vectors of tags, float32 (C, size).

    The vector of a tag is that of an entry that is the whole tag, see `whole_forms`. A tag of
    several words without such an entry has the mean of the vectors of all its words.

    Args:
        tags: The tags.
        found: Vectors by entry.
        where: File, for the message.

    Raises:
        TagbenchError: Tags have no vector; the message lists them.
    """
    rows = [_vector(tag, found) for tag in tags]
    missing = [tag for tag, row in zip(tags, rows, strict=True) if row is None]
    if missing:
        raise TagbenchError(
            f"{where} has no vector for {len(missing)} of {len(tags)} tags: {', '.join(missing)}. "
            "Use a file with more words, or the sentence encoder (words: sentence_encoder), which "
            "has a vector for every text."
        )
    return np.stack([row for row in rows if row is not None])


def _vector(tag: str, found: Mapping[str, Float32]) -> Float32 | None:
    for form in whole_forms(tag):
        if form in found:
            return found[form]
    rows = [found.get(word, found.get(word.lower())) for word in split_words(tag)]
    present = [row for row in rows if row is not None]
    if not present or len(present) < len(rows):
        return None
    return np.asarray(np.mean(present, axis=0, dtype=np.float64), dtype=np.float32)
