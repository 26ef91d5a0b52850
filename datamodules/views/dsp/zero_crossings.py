"""Rate of zero crossings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from datamodules.corpus.track import Float32

_ZERO = np.float32(1e-10)
"""Samples of at most this magnitude count as 0, which has the sign of a positive number."""


def zero_crossing_rate(audio: Float32, frame: int, hop: int) -> npt.NDArray[np.float64]:
    """Return the fraction of samples of a frame at which the sign changes.

    Frames are centred: the first and the last sample are repeated ``frame // 2`` times. Each
    change of sign of the signal is found once, and frames are differences of a running count.

    Args:
        audio: Samples (T,).
        frame: Length of a frame in samples.
        hop: Distance of two frames in samples.

    Returns:
        float64 of shape ``(1, 1 + T // hop)``.
    """
    negative = np.pad(audio < -_ZERO, frame // 2, mode="edge")
    changes = np.cumsum(negative[1:] != negative[:-1], dtype=np.int64)
    # changes[i] counts those up to between samples i and i + 1
    counts = np.concatenate([[0], changes])
    starts = np.arange(1 + len(audio) // hop) * hop
    return (counts[starts + frame - 1] - counts[starts])[None] / frame
