"""A chain of transforms, which is the augmentation that loaders apply to crops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from benchmark.augmentations.base import Audio, Drawn, Transform
from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for


@dataclass(frozen=True)
class Chain:
    """Transforms that are applied in order, each with its probability.

    All random numbers derive from the key, so that a crop is the same in every process, in every
    order and for any number of workers.

    Attributes:
        transforms: In the order in which they are applied.
    """

    transforms: tuple[Transform, ...]

    revision: ClassVar[int] = 1
    """Version of the order of draws; part of the identity."""

    def draw(self, *key: int | str) -> list[tuple[Transform, Drawn]]:
        """Return the transforms that are applied to the crop of ``key``, with their parameters."""
        rng = rng_for("augmentation", *key)
        applied = []
        for transform in self.transforms:
            if rng.random_sample() < transform.p:
                applied.append((transform, transform.draw(rng)))
        return applied

    def __call__(self, audio: Audio, sample_rate: int, *key: int | str) -> Audio:
        """Return the crop after the transforms that ``key`` selects.

        Args:
            audio: Mono, shape ``(samples,)``; may be read-only, and is not modified.
            sample_rate: In Hz.
            *key: Determines all random numbers, such as seed, epoch, track id and number of the
                crop.

        Returns:
            New array of shape ``(samples,)``, not clipped to [-1, 1].

        Raises:
            TagbenchError: The crop is not mono float32, or it or the result is not finite.
        """
        if audio.ndim != 1 or audio.dtype != np.float32:
            raise TagbenchError(
                f"Cannot augment crop {key}: expected mono float32 samples of shape (samples,), "
                f"got {audio.dtype} of shape {audio.shape}."
            )
        _check_finite(audio, f"Cannot augment crop {key}: the audio")
        # Engines need contiguous, writable memory and may overwrite it, so they receive a copy.
        samples: Audio = np.array(audio, order="C")
        if samples.size == 0:
            return samples
        applied = self.draw(*key)
        for transform, drawn in applied:
            samples = transform.apply(samples, sample_rate, drawn)
        names = ", ".join(transform.label for transform, _ in applied)
        _check_finite(samples, f"Augmenting crop {key} with {names} failed: the result")
        return samples

    def identity(self) -> dict[str, Any]:
        """Return everything that determines the audio besides the key, as JSON values.

        The name of a chain is a label and is not part of it.
        """
        return {
            "revision": self.revision,
            "transforms": [transform.identity() for transform in self.transforms],
        }

    @property
    def families(self) -> frozenset[str]:
        """Families of perturbations that the transforms correspond to."""
        return frozenset().union(*(transform.families for transform in self.transforms))

    def warm_up(self, sample_rate: int) -> None:
        """Import every engine and compile every kernel that the chain needs.

        Call it before forking workers, so that they inherit the imported engines.

        Args:
            sample_rate: In Hz.
        """
        tone = np.sin(np.arange(sample_rate // 4, dtype=np.float32) * np.float32(0.1))
        rng = rng_for("augmentation", "warm-up")
        for transform in self.transforms:
            transform.apply(tone, sample_rate, transform.draw(rng))


def _check_finite(samples: Audio, what: str) -> None:
    finite = np.isfinite(samples)
    if not finite.all():
        raise TagbenchError(
            f"{what} has {samples.size - int(finite.sum())} samples that are NaN or infinite, "
            f"the first at {int(np.argmin(finite))}. Repair or remove the file, then prepare again."
        )
