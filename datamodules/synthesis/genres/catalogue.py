"""Artists, albums and tracks of the genre corpus, with the drawn factors of each track.

The number of tracks of each genre in each split is fixed and long-tailed. An artist has one genre
and one split, and an album has one artist. Tempo, swing, tuning, instruments and favourite rhythms
are properties of an artist; room, equalisation and level are properties of an album; key, harmony
and arrangement are those of a track.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np

from datamodules.common.seeding import rng_for
from datamodules.synthesis.factors import KEYS
from datamodules.synthesis.genres.recipes import GENRES, RECIPES, Recipe

NAME = "synth_genre"
"""Name of the corpus, and first part of the key of each of its random streams."""

CLIP_SECONDS = 10.0
SPLITS = ("train", "valid", "test")
COUNTS: dict[str, tuple[int, int, int]] = {
    "rock": (80, 17, 30),
    "techno": (54, 13, 24),
    "folk": (38, 9, 17),
    "classical": (27, 7, 13),
    "jazz": (19, 5, 10),
    "ambient": (14, 4, 8),
    "drum and bass": (9, 3, 6),
    "reggae": (6, 2, 4),
}
"""Tracks of each genre in the splits."""

ALBUM_TRACKS = (2, 3, 4, 5)
MOST_ALBUMS = 3
LEVEL_DBFS = (-26.0, -14.0)
TILT_DB = (-2.5, 2.5)
TUNING_CENTS = 30.0
TEMPO_SPREAD = 0.06
SPARSE, CROSSOVER = 0.22, 0.12
# Parts without which a sparse arrangement is still music; one of the others remains.
OPTIONAL = ("drums", "bass", "pad", "counter")
BORROWED = ("melody", "pad", "chords")

Arrangement = Literal["full", "sparse", "crossover"]


class Voice(NamedTuple):
    """One part of a line-up: role, name of a pattern (may be empty), instrument."""

    role: str
    pattern: str
    instrument: str


@dataclass(frozen=True)
class Artist:
    """What the tracks of an artist have in common."""

    name: str
    split: str
    style: str
    tempo_bpm: float
    swing: float
    tuning_cents: float
    lineups: tuple[str, ...]


@dataclass(frozen=True)
class Album:
    """What the tracks of an album have in common."""

    name: str
    artist: Artist
    tilt_db: float
    level_dbfs: float
    reverb_s: float
    wet: float


@dataclass(frozen=True)
class GenreClip:
    """The drawn factors of one track.

    Attributes:
        seed: Seed of the corpus.
        index: Index of the track, from 0.
        album: Its album, with the artist.
        arrangement: ``full``; ``sparse``: some parts are silent; ``crossover``: a part is borrowed
            from another genre.
        meter: Quarter notes in a bar.
        tempo_bpm: Quarter notes per minute.
        key: Tonic.
        progression: Scale and degree of each bar, such as ``M0 M3 M4 M3``.
        lineup: The parts.
    """

    seed: int
    index: int
    album: Album
    arrangement: Arrangement
    meter: int
    tempo_bpm: float
    key: str
    progression: str
    lineup: tuple[Voice, ...]

    @property
    def artist(self) -> Artist:
        """The artist."""
        return self.album.artist

    @property
    def style(self) -> str:
        """The genre."""
        return self.artist.style

    @property
    def instruments(self) -> tuple[str, ...]:
        """Distinct instruments in alphabetical order."""
        return tuple(sorted({voice.instrument for voice in self.lineup}))


@lru_cache(maxsize=4)
def catalogue(seed: int) -> tuple[GenreClip, ...]:
    """Return every track of the corpus, in the order of the indices.

    Args:
        seed: Seed of the corpus.
    """
    clips: list[GenreClip] = []
    for genre in GENRES:
        number = 0
        for split, count in zip(SPLITS, COUNTS[genre], strict=True):
            for albums in _discographies(count, rng_for(NAME, seed, genre, split, "albums")):
                artist = _artist(seed, genre, split, number)
                number += 1
                for order, tracks in enumerate(albums):
                    album = _album(seed, artist, order)
                    clips += [_clip(seed, len(clips) + n, album) for n in range(tracks)]
    return tuple(clips)


def _discographies(count: int, rng: np.random.RandomState) -> Iterator[tuple[int, ...]]:
    """Distribute ``count`` tracks over artists; yield the sizes of the albums of each artist.

    An artist has at most a fifth of the tracks, or of few tracks at most half, and no album has one
    track.
    """
    most = min(max(4, count // 5), max(3, count // 2))
    while count:
        left = min(count, most)
        albums: list[int] = []
        while len(albums) < MOST_ALBUMS:
            sizes = [n for n in ALBUM_TRACKS if n <= left and count - n != 1]
            if not sizes:
                break
            albums.append(sizes[int(rng.randint(len(sizes)))])
            left -= albums[-1]
            count -= albums[-1]
        yield tuple(albums)


def _artist(seed: int, genre: str, split: str, number: int) -> Artist:
    recipe = RECIPES[genre]
    name = f"{genre} {number + 1:02d}"
    rng = rng_for(NAME, seed, name, "artist")
    order = rng.permutation(len(recipe.lineups))[:2]
    return Artist(
        name=name,
        split=split,
        style=genre,
        tempo_bpm=_uniform(rng, recipe.tempo_bpm, 2),
        swing=_uniform(rng, recipe.swing, 3),
        tuning_cents=_uniform(rng, (-TUNING_CENTS, TUNING_CENTS), 1),
        lineups=tuple(recipe.lineups[int(place)] for place in order),
    )


def _album(seed: int, artist: Artist, number: int) -> Album:
    recipe = RECIPES[artist.style]
    name = f"{artist.name}, album {number + 1}"
    rng = rng_for(NAME, seed, name, "album")
    return Album(
        name=name,
        artist=artist,
        tilt_db=_uniform(rng, TILT_DB, 2),
        level_dbfs=_uniform(rng, LEVEL_DBFS, 2),
        reverb_s=_uniform(rng, recipe.reverb_s, 2),
        wet=_uniform(rng, recipe.wet, 3),
    )


def _clip(seed: int, index: int, album: Album) -> GenreClip:
    artist, recipe = album.artist, RECIPES[album.artist.style]
    rng = rng_for(NAME, seed, index, "track")
    meter, lineup = parse_lineup(_choice(rng, artist.lineups))
    arrangement: Arrangement = "full"
    draw = rng.random_sample()
    if draw < SPARSE:
        complete, lineup = lineup, _sparse(lineup, rng)
        arrangement = "full" if lineup == complete else "sparse"
    elif draw < SPARSE + CROSSOVER:
        arrangement, lineup = "crossover", _crossover(lineup, meter, recipe, rng)
    return GenreClip(
        seed=seed,
        index=index,
        album=album,
        arrangement=arrangement,
        meter=meter,
        tempo_bpm=round(artist.tempo_bpm * (1.0 + TEMPO_SPREAD * float(rng.uniform(-1, 1))), 2),
        key=_choice(rng, KEYS),
        progression=_choice(rng, recipe.progressions),
        lineup=lineup,
    )


def parse_lineup(text: str) -> tuple[int, tuple[Voice, ...]]:
    """Return the beats in a bar and the parts of a line-up of a recipe."""
    meter, *parts = text.split()
    voices = []
    for part in parts:
        place, _, instrument = part.partition("=")
        role, _, pattern = place.partition(":")
        voices.append(Voice(role, pattern, instrument))
    return int(meter), tuple(voices)


def _sparse(lineup: tuple[Voice, ...], rng: np.random.RandomState) -> tuple[Voice, ...]:
    """Leave out one or two parts, as in an introduction or a break."""
    optional = [place for place, voice in enumerate(lineup) if voice.role in OPTIONAL]
    most = min(len(optional), len(lineup) - 1, 2)
    if not most:
        return lineup
    silent = {int(place) for place in rng.permutation(optional)[: rng.randint(1, most + 1)]}
    return tuple(voice for place, voice in enumerate(lineup) if place not in silent)


def _crossover(
    lineup: tuple[Voice, ...], meter: int, recipe: Recipe, rng: np.random.RandomState
) -> tuple[Voice, ...]:
    """Replace or add a melody, pad or chords from a line-up of another genre."""
    others = [
        voice
        for other in RECIPES.values()
        if other is not recipe
        for beats, voices in map(parse_lineup, other.lineups)
        if beats == meter
        for voice in voices
        if voice.role in BORROWED
    ]
    borrowed = others[int(rng.randint(len(others)))]
    kept = [voice for voice in lineup if voice.role != borrowed.role]
    return (*(kept or lineup), borrowed)


def _choice(rng: np.random.RandomState, values: tuple[str, ...]) -> str:
    return values[int(rng.randint(len(values)))]


def _uniform(rng: np.random.RandomState, bounds: tuple[float, float], digits: int) -> float:
    # Rounded, so that the manifest has exactly the rendered values.
    return round(float(rng.uniform(*bounds)), digits)
