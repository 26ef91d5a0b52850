"""Choose the tracks whose loudness, pitch and tempo are measured in every condition."""

from __future__ import annotations

from collections.abc import Sequence

from datamodules.common.seeding import seed_for

SAMPLE = range(8, 33)
"""Tracks of a condition whose loudness, pitch and tempo are measured, at least and at most."""
_SHARE = 20  # measuring 1/20 of a test set takes about 3 % of the time of perturbing it


def sampled(track_ids: Sequence[str]) -> frozenset[str]:
    """Return the tracks whose slow quantities are measured; they are the same in all conditions.

    Args:
        track_ids: All tracks of the test set, in any order.

    Returns:
        A twentieth of them, at least 8 and at most 32, chosen by their ids alone.
    """
    count = min(max(SAMPLE.start, len(track_ids) // _SHARE), SAMPLE.stop - 1)
    return frozenset(
        sorted(track_ids, key=lambda track: (seed_for("effects", track), track))[:count]
    )
