"""Artist group factors of metadata: topics of artists from the sub-genres of their tracks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from datamodules.common.parameters import check_minimum
from datamodules.corpus.track import Float32
from datamodules.labels.targets.artist_topics import artist_topics
from datamodules.labels.targets.base import Kind, TargetSource, TrainingTracks

SEPARATOR = "|"
"""Separates the words in a column of the manifest."""


@dataclass(frozen=True)
class SubgenreFactors(TargetSource):
    """Artist group factors whose words are sub-genres, or other facts about a track.

    Latent Dirichlet allocation on the words of an artist gives the artist's topics, which are the
    target of each of the artist's tracks (Kim et al. 2018). The sub-genres imply the genre of a
    training track, and are used for training tracks alone.

    Args:
        words: Columns of the manifest that hold the words, separated by ``|``. Equal words of two
            columns are different words.
        factors: Topics.
        seed: Seed of the topics.
    """

    name: ClassVar[str] = "subgenre_factors"
    kind: ClassVar[Kind] = "distribution"

    words: tuple[str, ...] = ("sub_genres",)
    factors: int = 40
    seed: int = 0

    def __post_init__(self) -> None:
        check_minimum(2, factors=self.factors)

    @property
    def width(self) -> int:
        """Number of topics."""
        return self.factors

    @property
    def columns(self) -> tuple[str, ...]:
        """The artist, and the columns that hold words."""
        return ("artist", *self.words)

    def fit(self, tracks: TrainingTracks) -> Float32:
        """Return the topics of the artist of each track."""
        lists = [
            [(column, word) for word in text.split(SEPARATOR) if word]
            for column in self.words
            for text in tracks.column(column)
        ]
        n_tracks = len(tracks)
        vocabulary = sorted({word for words in lists for word in words})
        numbers = {word: at for at, word in enumerate(vocabulary)}
        counts = np.zeros((n_tracks, max(1, len(numbers))))
        for at, words in enumerate(lists):
            for word in words:
                counts[at % n_tracks, numbers[word]] += 1
        return artist_topics(counts, tracks.artists, self.factors, self.seed)
