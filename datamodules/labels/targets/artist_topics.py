"""Topics of artists from counts of words, which are clusters of frames or names of genres.

Kim, Won, Serra and Liem, "Transfer learning of artist group factors to musical genre
classification", WWW 2018 companion: latent Dirichlet allocation on the bags of words of artists.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from datamodules.corpus.track import Float32

Float64 = npt.NDArray[np.float64]


def artist_topics(words: Float64, artists: Sequence[str], factors: int, seed: int) -> Float32:
    """Return the topic distribution of the artist of each track.

    The bag of words of an artist is the mean over those of the artist's tracks that have words.

    Args:
        words: Counts of V words in each track (N, V).
        artists: Artist of each track; empty where it is not known.
        factors: Number of topics, R.
        seed: Seed of the allocation.

    Returns:
        float32 of shape ``(N, R)``. Rows are NaN for tracks without an artist, and for artists
        without a word, to which the allocation would give the uniform distribution.
    """
    from sklearn.decomposition import LatentDirichletAllocation

    rows = {name: row for row, name in enumerate(sorted({name for name in artists if name}))}
    if not rows:
        return np.full((len(artists), factors), np.nan, dtype=np.float32)
    artist = np.array([rows.get(name, -1) for name in artists])
    counted = (artist >= 0) & (words.sum(axis=1) > 0)
    bags = np.zeros((len(rows), words.shape[1]))
    np.add.at(bags, artist[counted], words[counted])
    tracks = np.bincount(artist[counted], minlength=len(rows))
    bags /= np.maximum(tracks, 1)[:, None]
    allocation = LatentDirichletAllocation(factors, random_state=seed)
    topics = allocation.fit_transform(bags)
    topics[tracks == 0] = np.nan
    unknown = np.full((1, factors), np.nan)
    found: Float32 = np.concatenate([topics, unknown])[artist].astype(np.float32)
    return found
