"""Tags that a change of the sound makes true or false, and the kinds of tags there are.

A slow piece that is stretched may be slow no longer: a tagger that follows is right, and is marked
down for it. Each dataset therefore names the tags that a family of perturbations may change; scores
over the others, the *invariant* tags, stand beside those over all. Only what plain words say of
tempo, level and the sex of a voice counts: whether a song stays sad is for people to hear.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

Changes = Mapping[str, tuple[str, ...]]
"""Tags that each family of perturbations may change."""

CHAIN = "chain"
"""Family of several perturbations in turn: it may change whatever one of them does."""


def changes(
    *, tempo: Collection[str] = (), level: Collection[str] = (), voice: Collection[str] = ()
) -> Changes:
    """Return which families change tags about tempo, level and the sex of a voice.

    A shift of pitch by three semitones moves the formants of one sex to where those of the other
    are; compression makes quiet passages loud.
    """
    return {
        "time_stretch": tuple(tempo),
        "gain": tuple(level),
        "dynamic_range_compression": tuple(level),
        "pitch_shift": tuple(voice),
        CHAIN: tuple(dict.fromkeys((*tempo, *level, *voice))),
    }


def within(declared: Changes, tags: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the changes of the tags that a dataset has, in their order; families without go."""
    names = tuple(tags)
    found = {
        family: tuple(tag for tag in names if tag in changed)
        for family, changed in declared.items()
    }
    return {family: changed for family, changed in found.items() if changed}


def by_prefix(tags: Iterable[str], separator: str = "---") -> dict[str, str]:
    """Return the category of tags that carry it in front, such as ``genre---rock``."""
    return {tag: tag.partition(separator)[0] for tag in tags if separator in tag}


def by_category(declared: Mapping[str, Collection[str]], tags: Iterable[str]) -> dict[str, str]:
    """Return the category of each tag that has one."""
    return {tag: name for tag in tags for name, members in declared.items() if tag in members}


MTAT_CHANGES = changes(
    tempo=("slow", "fast", "fast beat"),
    level=("loud", "quiet", "soft", "silence"),
    voice=(
        *("male", "female", "man", "woman", "men", "women", "girl", "soprano"),
        *("male vocal", "male vocals", "male voice", "male singer", "male opera", "man singing"),
        *("female vocal", "female vocals", "female voice", "female singer", "female singing"),
        *("female opera", "woman singing"),
    ),
)

MSD_CHANGES = changes(voice=("female vocalists", "female vocalist", "male vocalists"))

JAMENDO_CHANGES = changes(
    tempo=("mood/theme---slow", "mood/theme---fast"), level=("mood/theme---soft",)
)

MTAT_CATEGORIES: dict[str, tuple[str, ...]] = {
    "genre": (
        *("classical", "techno", "electronic", "rock", "ambient", "indian", "opera", "pop"),
        *("classic", "new age", "dance", "country", "metal"),
    ),
    "instrument": (
        *("guitar", "strings", "drums", "piano", "beat", "violin", "synth", "harpsichord"),
        *("flute", "sitar", "solo", "beats", "harp", "cello"),
    ),
    "mood": ("slow", "fast", "loud", "quiet", "soft", "weird"),
    "voice": (
        *("vocal", "female", "male", "singing", "vocals", "no vocals", "woman", "male vocal"),
        *("no vocal", "man", "choir", "voice", "male voice", "female vocal", "no voice"),
        *("female voice", "choral"),
    ),
}
"""Every tag of the top 50; of the others none."""

MSD_CATEGORIES: dict[str, tuple[str, ...]] = {
    "era": ("00s", "90s", "80s", "70s", "60s", "oldies"),
    "genre": (
        *("rock", "pop", "alternative", "indie", "electronic", "dance", "alternative rock"),
        *("jazz", "metal", "classic rock", "soul", "indie rock", "electronica", "folk", "punk"),
        *("blues", "hard rock", "ambient", "experimental", "Hip-Hop", "country", "funk"),
        *("electro", "heavy metal", "Progressive rock", "rnb", "indie pop", "House"),
        *("hip-hop", "hardcore", "punk rock", "death metal", "reggae", "progressive rock"),
        *("metalcore", "world", "trance", "christian", "house", "latin", "psychedelic"),
        "progressive metal",
    ),
    "instrument": ("guitar", "acoustic", "piano"),
    "mood": (
        *("beautiful", "chillout", "Mellow", "mellow", "chill", "party", "easy listening"),
        *("sexy", "catchy", "sad", "happy"),
    ),
    "origin": ("british", "spanish"),
    "voice": ("female vocalists", "female vocalist", "male vocalists", "instrumental"),
}
