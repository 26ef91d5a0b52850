"""Random splits by artist that are drawn again until every split has enough tracks of each tag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for
from datamodules.corpus.track import SPLITS

_SHARES = (0.7, 0.85)
_MOST_DRAWS = 2000


def rejection_split(
    tags: Mapping[str, Sequence[str]], artists: Mapping[str, str], *, least: int, seed: int
) -> dict[str, str]:
    """Return the split of each track: 70, 15 and 15 % of the artists.

    Artists are sorted before they are shuffled, so that the split depends on the arguments alone.

    Args:
        tags: Tags of each track.
        artists: Artist of each track.
        least: Least number of tracks with each tag in each split.
        seed: Seed of the draws.

    Raises:
        TagbenchError: No draw of many has enough tracks of each tag.
    """
    ids = sorted(tags)
    names = sorted({artists[track] for track in ids})
    place = {artist: at for at, artist in enumerate(names)}
    owner = np.array([place[artists[track]] for track in ids], dtype=np.int64)
    every = sorted({tag for found in tags.values() for tag in found})
    column = {tag: at for at, tag in enumerate(every)}
    counts = np.zeros((len(names), len(every)), dtype=np.int64)  # artists x tags
    for at, track in zip(owner, ids, strict=True):
        counts[at, [column[tag] for tag in tags[track]]] += 1
    ends = [int(share * len(names)) for share in _SHARES]
    best, lacking = -1, ""
    for draw in range(_MOST_DRAWS):
        order = rng_for("rejection split", seed, draw).permutation(len(names))
        parts = np.split(order, ends)
        smallest = np.stack([counts[part].sum(axis=0) for part in parts]).min(axis=0)
        if smallest.min() >= least:
            split_of = {int(a): SPLITS[at] for at, part in enumerate(parts) for a in part}
            return {track: split_of[int(a)] for track, a in zip(ids, owner, strict=True)}
        if smallest.min() > best:
            best, lacking = int(smallest.min()), every[int(smallest.argmin())]
    raise TagbenchError(
        f"No split of {_MOST_DRAWS} has {least} tracks of every tag in train, valid and test: the "
        f"best has {best} of {lacking!r}. Set least_positives to {max(best, 1)} or less."
    )
