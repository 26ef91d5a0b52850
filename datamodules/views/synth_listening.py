"""Listening vectors of the synthetic corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

import numpy as np

from datamodules.common.errors import TagbenchError
from datamodules.corpus.track import Float32
from datamodules.listening.factorise import track_factors
from datamodules.synthesis.factors import track_name
from datamodules.synthesis.listening import play_counts
from datamodules.views.base import TrackVector


@dataclass(frozen=True)
class SynthListening(TrackVector):
    """Factors of the play counts of invented users on the clips of ``synth``.

    The counts of all clips are factorised together, without labels, see
    `datamodules.synthesis.listening` and `datamodules.listening.factorise`. A clip that nobody
    plays has a vector of zeros.

    Args:
        sample_rate: Has no effect.
        synth_seed: Seed of the corpus.
        tracks: Number of clips whose counts are factorised.
        users: Number of users.
        factors: Values of a vector.
    """

    name: ClassVar[str] = "synth_listening"

    sample_rate: int = field(default=16000, compare=False)
    synth_seed: int = 0
    tracks: int = 360
    users: int = 200
    factors: int = 32

    def of_track(self, track_id: str, audio: Float32) -> Float32:
        """Return the vector of a clip (1, factors)."""
        self.check_tracks([track_id])
        return self._vectors[track_id][None]

    def check_tracks(self, track_ids: Sequence[str]) -> None:
        """Check that all tracks are clips of the corpus whose counts are factorised.

        Raises:
            TagbenchError: Some are not.
        """
        other = [track_id for track_id in track_ids if track_id not in self._vectors]
        if other:
            raise TagbenchError(
                f"The view synth_listening has no vector for {len(other)} of {len(track_ids)} "
                f"tracks, such as {', '.join(other[:3])}. It has the first {self.tracks} clips of "
                "the dataset synth; raise its parameter tracks for more, and use the view "
                "track_vectors with a file of your own for another dataset."
            )

    @property
    def width(self) -> int:
        """Number of factors."""
        return self.factors

    @property
    def _vectors(self) -> dict[str, Float32]:
        return _factorised(self.synth_seed, self.tracks, self.users, self.factors)


@lru_cache(maxsize=2)
def _factorised(seed: int, tracks: int, users: int, factors: int) -> dict[str, Float32]:
    vectors = {track_name(index): np.zeros(factors, np.float32) for index in range(tracks)}
    ids, values = track_factors(play_counts(seed, tracks, users), factors=factors)
    return vectors | dict(zip(ids, values, strict=True))
