"""Random splits by track, as many studies draw them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from datamodules.common.seeding import rng_for
from datamodules.corpus.track import Track


def hold_out_tracks(tracks: Sequence[Track], *, share: float, seed: int) -> list[Track]:
    """Return the tracks with the split ``test`` for a share of them, and ``train`` for the others.

    Tracks of one artist or song can be in both splits, so that scores are higher than those on a
    split by artist (`datamodules.labels.stratified_split`). The result depends on the track ids and
    the seed, but not on the order of the tracks.

    Args:
        tracks: Tracks; any splits they have are ignored.
        share: Share of the tracks for the test, from 0 to 1.
        seed: Seed of the draw.
    """
    names = sorted(track.track_id for track in tracks)
    order = rng_for("hold out tracks", seed).permutation(len(names))
    held_out = {names[index] for index in order[: round(share * len(names))]}
    return [
        replace(track, split="test" if track.track_id in held_out else "train") for track in tracks
    ]
