"""Use of audiomentations without its global random state."""

from __future__ import annotations

import importlib
import warnings
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


@cache
def audiomentations() -> Any:
    """Import the module once, without the warning that its source raises."""
    with warnings.catch_warnings():
        # 0.43: invalid escape in add_color_noise.py, reported on the first import only.
        warnings.filterwarnings("ignore", ".*invalid escape sequence")
        return importlib.import_module("audiomentations")


def run_pinned(
    transform: Any, audio: NDArray[np.float32], sample_rate: int, **parameters: float
) -> NDArray[np.float32]:
    """Apply a transform of audiomentations with given parameters instead of drawn ones.

    Even with ``p=1`` and ``min == max`` these transforms draw from the global generators on every
    call. Frozen parameters are never drawn.

    Args:
        transform: A new instance; it has state and must not be shared between threads.
        audio: Mono, shape ``(samples,)``.
        sample_rate: Sample rate in Hz.
        **parameters: The parameters that the transform would draw.
    """
    transform.parameters = {"should_apply": True, **parameters}
    transform.freeze_parameters()
    samples = np.require(audio, np.float32, ["C", "W"])  # the engine rejects read-only memory
    return np.asarray(transform(samples, sample_rate), dtype=np.float32)
