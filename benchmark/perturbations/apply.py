"""Apply a condition to a track."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.perturbations.base import Audio
from benchmark.perturbations.catalogue import catalogue_entry
from benchmark.perturbations.condition import CLEAN, Condition
from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for


def perturb(
    audio: NDArray[np.floating[Any]],
    sample_rate: int,
    condition: Condition,
    *,
    seed: int,
    track_id: str,
) -> Audio:
    """Return the track under ``condition``.

    The random stream depends on (family, seed, track) alone: the audio is the same for every
    model, worker and order, and all levels of a family use the same random numbers. Each link of a
    chain draws the same numbers as when it is applied alone.

    Args:
        audio: Whole track, mono float, shape ``(samples,)``; may be read-only.
        sample_rate: Sample rate in Hz.
        condition: From :func:`~benchmark.perturbations.selection.resolve`. Clean returns ``audio``
            itself; the links of a chain are applied in order.
        seed: Seed of the evaluation.
        track_id: Stable name of the track.

    Returns:
        Array of shape ``(other_samples,)``.

    Raises:
        TagbenchError: The track is not mono float or not finite, or the result is not finite.
    """
    if condition == CLEAN:
        return audio
    where = f"track {track_id!r} under {condition.label}"
    if audio.ndim != 1 or not np.issubdtype(audio.dtype, np.floating):
        raise TagbenchError(
            f"Cannot perturb {where}: expected mono float samples of shape (samples,), "
            f"got {audio.dtype} of shape {audio.shape}."
        )
    # Engines need contiguous, writable memory and may overwrite it, so they receive a copy.
    samples: Audio = np.array(audio, dtype=np.float32, order="C")
    _check_finite(samples, f"Cannot perturb {where}: the decoded audio")
    for step in condition.steps:
        perturbation = catalogue_entry(step.perturbation)
        rng = rng_for("perturbation", step.family, seed, track_id)
        result = perturbation.apply(samples, sample_rate, step.level, rng)
        by = f", link {step.label}," if condition.links else ""
        _check_finite(result, f"Perturbing {where}{by} failed: the result")
        samples = np.ascontiguousarray(result, dtype=np.float32)
    return samples


def _check_finite(samples: Audio, what: str) -> None:
    finite = np.isfinite(samples)
    if not finite.all():
        raise TagbenchError(
            f"{what} has {samples.size - int(finite.sum())} samples that are NaN or infinite, "
            f"the first at {int(np.argmin(finite))}. Repair or remove the file, then prepare again."
        )


def warm_up(conditions: Iterable[Condition], sample_rate: int) -> None:
    """Import every engine and compile every kernel that ``conditions`` need.

    Call it before forking workers, so that they inherit the imported engines.

    Args:
        conditions: Conditions of the evaluation.
        sample_rate: Sample rate in Hz.
    """
    tone = np.sin(np.arange(sample_rate // 4, dtype=np.float32) * 0.1)
    for name in sorted({step.perturbation for c in conditions for step in c.steps}):
        condition = catalogue_entry(name).condition(1)
        perturb(tone, sample_rate, condition, seed=0, track_id="warm-up")
