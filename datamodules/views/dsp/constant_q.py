"""Magnitudes of the constant-Q transform, by octaves."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import soxr

from datamodules.corpus.track import Float32

OCTAVES, BINS_PER_OCTAVE, HOP = 7, 12, 512
LOWEST_RATE = 8500
"""Lowest sample rate in Hz at which the highest filter, B7 tuned up, stays below half the rate."""

_C1_HZ = 440.0 * 2 ** (-45 / 12)
_FILTER_SCALE = 1
_SPARSITY = 0.01
_BLOCK = 256


def constant_q_magnitudes(audio: Float32, sample_rate: int, tuning: float) -> Float32:
    """Return the magnitudes of the constant-Q transform of 84 bins from C1 to B7.

    The values are those of ``librosa.cqt`` with ``hop_length=512`` and the given tuning. The
    audio is halved in rate from octave to octave (Schörkhuber and Klapuri 2010), so that all
    octaves share the same filters. They are built once for each rate and tuning, and are applied
    to the frames as one product of matrices, since the response of a filter is a linear function
    of the samples of a frame.

    Args:
        audio: Samples (T,), at least 2,048.
        sample_rate: Rate in Hz, at least `LOWEST_RATE`.
        tuning: Deviation from 440 Hz in fractions of a semitone.

    Returns:
        float32 of shape ``(frames, 84)``.
    """
    early = _early_halvings(sample_rate, tuning)
    kernel = _kernel(sample_rate / 2**early, tuning)
    hop = HOP >> early
    if early:
        audio = _resample(audio, 2**early)
    octaves: list[Float32] = []
    for octave in range(OCTAVES):
        if octave:
            audio = _resample(audio, 2)
            hop //= 2
        octaves.append(_responses(audio, kernel, hop))
    frames = min(len(octave_) for octave_ in octaves)
    return np.concatenate([octave_[:frames] for octave_ in reversed(octaves)], axis=1)


def _top_octave_hz(tuning: float) -> npt.NDArray[np.float64]:
    steps = BINS_PER_OCTAVE * (OCTAVES - 1) + np.arange(BINS_PER_OCTAVE) + tuning
    hz: npt.NDArray[np.float64] = _C1_HZ * 2 ** (steps / BINS_PER_OCTAVE)
    return hz


def _relative_bandwidth() -> float:
    ratio = 2 ** (2 / BINS_PER_OCTAVE)
    return (ratio - 1) / (ratio + 1)


def _early_halvings(sample_rate: int, tuning: float) -> int:
    """Return how often the rate is halved before the first octave, without loss of a filter."""
    from librosa.filters import wavelet_lengths

    _, highest = wavelet_lengths(
        freqs=_top_octave_hz(tuning), sr=sample_rate, alpha=_relative_bandwidth()
    )
    spare_octaves = int(np.ceil(np.log2(sample_rate / 2 / highest)) - 1) - 1
    factors_of_two = (HOP & -HOP).bit_length() - 1
    return max(0, min(spare_octaves, factors_of_two - OCTAVES + 1))


@lru_cache(maxsize=256)
def _kernel(sample_rate: float, tuning: float) -> npt.NDArray[np.float64]:
    """Return the filters of an octave as a matrix (samples, 24): real parts, imaginary parts.

    The filters are sparse in the frequency domain. The product of a filter with the transform of
    a frame equals that of its own transform with the samples of the frame.
    """
    from librosa.filters import wavelet
    from librosa.util import sparsify_rows

    filters, lengths = wavelet(
        freqs=_top_octave_hz(tuning),
        sr=sample_rate,
        filter_scale=_FILTER_SCALE,
        gamma=0,
        alpha=_relative_bandwidth(),
    )
    n_fft = filters.shape[1]
    spectra = np.fft.fft(filters * (lengths[:, None] / n_fft), axis=1)[:, : n_fft // 2 + 1]
    sparse = sparsify_rows(spectra, quantile=_SPARSITY, dtype=np.complex64).toarray()
    kernel = np.fft.fft(sparse, n=n_fft, axis=1) / np.sqrt(lengths)[:, None]
    return np.ascontiguousarray(np.concatenate([kernel.real, kernel.imag]).T)


def _responses(audio: Float32, kernel: npt.NDArray[np.float64], hop: int) -> Float32:
    """Return the magnitudes (frames, 12) of the filters, for centred frames."""
    n_fft = len(kernel)
    padded = np.pad(audio, n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    magnitudes = np.empty((len(frames), BINS_PER_OCTAVE), np.float32)
    for start in range(0, len(frames), _BLOCK):
        response = frames[start : start + _BLOCK].astype(np.float64) @ kernel
        np.square(response, out=response)
        power = response[:, :BINS_PER_OCTAVE] + response[:, BINS_PER_OCTAVE:]
        magnitudes[start : start + _BLOCK] = np.sqrt(power)
    return magnitudes


def _resample(audio: Float32, factor: int) -> Float32:
    """Return the audio at a rate lower by ``factor``, with the same energy."""
    samples = -(-len(audio) // factor)
    lower: Float32 = soxr.resample(audio, factor, 1, quality="HQ")[:samples]
    lower = np.pad(lower, (0, samples - len(lower)))
    lower /= np.sqrt(1 / factor)  # as librosa rounds it, which quiet low octaves show
    return lower
