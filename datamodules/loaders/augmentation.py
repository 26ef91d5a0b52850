"""The interface of training-time augmentations, which the loaders apply to crops."""

from __future__ import annotations

from typing import Any, Protocol

from datamodules.corpus.track import Float32


class Augmentation(Protocol):
    """A random change of a crop. It can be pickled, because worker processes apply it."""

    def __call__(self, audio: Float32, sample_rate: int, *key: int | str) -> Float32:
        """Return changed audio of the same length.

        Args:
            audio: Samples of shape ``(T,)``.
            sample_rate: In Hz.
            *key: Determines all random numbers, see `datamodules.common.seeding.rng_for`.
        """

    def identity(self) -> dict[str, Any]:
        """Return everything that determines the audio, as JSON values."""
