"""Play counts of invented users on the clips of the synthetic corpus.

Each user likes some tags and dislikes others. Tags matter to listeners more or less: genres most,
tempo and level least. A clip also belongs to one of eight scenes that have nothing to do with its
tags, and has a popularity. The play counts are draws of Poisson distributions with the mean
``MEAN_PLAYS * popularity * activity * exp(taste . tags + bond to the scene)``. So who listens to a
clip tells something of its tags, as in recorded music. A clip's counts depend on its own factors
alone, and not on those of other clips.
"""

from __future__ import annotations

import numpy as np

from datamodules.common.seeding import rng_for
from datamodules.listening.plays import PlayTable
from datamodules.synthesis.factors import factors_for, track_name
from datamodules.synthesis.tag_rules import TAGS, tags_of

TASTE = 1.2
"""Standard deviation of a user's taste for a tag that matters to listeners with weight 1."""

SCENES, BOND = 8, 1.0
"""Number of scenes, and standard deviation of a user's bond to one."""

MEAN_PLAYS = 0.03
"""Mean number of plays of an average clip by an average user, but for tastes and bonds."""

MOST_PLAYS = 1000.0
"""Bound of the mean number of plays."""

IMPORTANCE = {
    **dict.fromkeys(("ambient", "classical", "rock", "techno"), 1.0),
    **dict.fromkeys(("vocal", "choir", "guitar", "piano", "synth", "beat"), 0.6),
    **dict.fromkeys(("flute", "harpsichord", "organ", "strings", "violin", "solo"), 0.4),
    **dict.fromkeys(("fast", "slow", "loud", "quiet"), 0.3),
}
"""Weight of each tag for listeners; the others follow from these."""


def play_counts(seed: int, tracks: int, users: int) -> PlayTable:
    """Return the play counts of the first clips of a corpus.

    Args:
        seed: Seed of the corpus.
        tracks: Number of clips.
        users: Number of users.
    """
    weights = np.array([IMPORTANCE.get(tag, 0.0) for tag in TAGS])
    rng = rng_for("synth listening", seed, "users", users)
    taste = TASTE * weights * rng.standard_normal((users, len(TAGS)))
    bond = BOND * rng.standard_normal((users, SCENES))
    activity = rng.gamma(2.0, 0.5, users)
    counts = np.zeros((users, tracks))
    for index in range(tracks):
        has = np.isin(TAGS, tags_of(factors_for(seed, index)))
        rng = rng_for("synth listening", seed, "clip", index)
        liking = taste @ has + bond[:, rng.randint(SCENES)]
        rate = MEAN_PLAYS * rng.lognormal(0.0, 0.8) * activity * np.exp(liking)
        counts[:, index] = rng.poisson(np.minimum(rate, MOST_PLAYS))
    user, track = np.nonzero(counts)
    names = tuple(f"listener-{number:04d}" for number in range(users))
    clips = tuple(track_name(index) for index in range(tracks))
    return PlayTable(names, clips, user, track, counts[user, track])
