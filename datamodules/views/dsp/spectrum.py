"""Magnitude spectra of overlapping frames."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.fft

from datamodules.corpus.track import Float32

_BLOCK = 32
"""Frames transformed at a time, so that a block stays in the cache of the processor."""


def magnitude_spectrum(audio: Float32, n_fft: int, hop: int) -> Float32:
    """Return the magnitudes of the short-time Fourier transform, as ``librosa.stft`` computes it.

    Frames are centred: the signal is extended by ``n_fft // 2`` zeros at both ends. A periodic
    Hann window is applied. Transforms are computed in float64 and rounded to float32, because
    bands without energy, such as those above the cut-off frequency of an MP3 encoder, would
    otherwise hold rounding noise.

    Args:
        audio: Samples (T,).
        n_fft: Length of a frame in samples.
        hop: Distance of two frames in samples.

    Returns:
        float32 of shape ``(1 + T // hop, 1 + n_fft // 2)``, one row for each frame.
    """
    padded = np.pad(audio, n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    window = hann(n_fft + 1)[:-1]
    magnitudes = np.empty((len(frames), 1 + n_fft // 2), np.float32)
    for start in range(0, len(frames), _BLOCK):
        block = frames[start : start + _BLOCK] * window
        spectrum = scipy.fft.rfft(block, axis=1, overwrite_x=True).astype(np.complex64)
        np.abs(spectrum, out=magnitudes[start : start + _BLOCK])
    return magnitudes


def hann(length: int) -> npt.NDArray[np.float64]:
    """Return a symmetric Hann window; without its last value it is periodic."""
    window: npt.NDArray[np.float64] = 0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, length))
    return window
