"""Groups of tags that are spellings of one another, by the rules of MSD500."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

_AND = re.compile(r"&|\b'?n'?\b")
_PUNCTUATION = re.compile(r"[^\w\s]|_")
_SUFFIXES = frozenset({"music", "song", "tag"})
_UNCHANGED = frozenset({"blues", "series"})
"""Words whose final s does not make a plural."""


def tag_key(tag: str) -> str:
    """Return what the spellings of a tag have in common; empty for one without letters or digits.

    Lower case, ``&`` and ``'n'`` as ``and``, no punctuation, each word in the singular, and without
    the words *music*, *song* and *tag* at the end, unless nothing is left.
    """
    text = _AND.sub(" and ", tag.lower())
    words = [_singular(word) for word in _PUNCTUATION.sub(" ", text.replace("'", "")).split()]
    kept = list(words)
    while len(kept) > 1 and kept[-1] in _SUFFIXES:
        kept.pop()
    return " ".join(kept)


def _singular(word: str) -> str:
    if len(word) < 4 or word in _UNCHANGED or word[0].isdigit():
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    plural = word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if plural else word


def grouped_tags(
    tracks: Mapping[str, Iterable[str]], *, least_tracks: int
) -> dict[str, tuple[str, ...]]:
    """Return the groups of the tags of each track, sorted; a track without one is left out.

    A group has the name of its most frequent tag; of equally frequent ones, the first in
    alphabetical order.

    Args:
        tracks: Tags of each track.
        least_tracks: Number of tracks that a group needs.
    """
    spellings: dict[str, Counter[str]] = {}
    keys: dict[str, set[str]] = {}
    for track, tags in tracks.items():
        named = set(tags)
        for tag in named:
            if key := tag_key(tag):
                spellings.setdefault(key, Counter())[tag.lower()] += 1
                keys.setdefault(track, set()).add(key)
    sizes = Counter(key for found in keys.values() for key in found)
    names = {
        key: min(counts, key=lambda tag: (-counts[tag], tag))
        for key, counts in spellings.items()
        if sizes[key] >= least_tracks
    }
    grouped = {t: tuple(sorted(names[k] for k in found if k in names)) for t, found in keys.items()}
    return {track: tags for track, tags in grouped.items() if tags}


def most_frequent(tracks: Mapping[str, Sequence[str]], count: int | None) -> tuple[str, ...]:
    """Return the most frequent tags of tracks, in alphabetical order.

    Args:
        tracks: Tags of each track.
        count: Number of tags; None for all. Of equally frequent tags, the first in alphabetical
            order are kept.
    """
    sizes = Counter(tag for tags in tracks.values() for tag in tags)
    ranked = sorted(sizes, key=lambda tag: (-sizes[tag], tag))
    return tuple(sorted(ranked[:count]))
