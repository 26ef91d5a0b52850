"""Resampling of a track to the rate that a view takes."""

from __future__ import annotations

import numpy as np
import soxr

from datamodules.corpus.track import Float32


def at_rate(audio: Float32, stored_rate: int, wanted_rate: int) -> Float32:
    """Return ``audio`` of shape ``(T,)`` at another sample rate in Hz; at least one sample."""
    if stored_rate == wanted_rate:
        return audio
    resampled: Float32 = soxr.resample(audio, stored_rate, wanted_rate).astype(np.float32)
    return resampled if len(resampled) else audio[:1]
