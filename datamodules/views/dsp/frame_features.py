"""The frame features of the FMA dataset, which share the spectra of a track."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from datamodules.corpus.track import Float32
from datamodules.views.dsp import cepstrum, chroma, constant_q, spectral_shape
from datamodules.views.dsp.spectrum import magnitude_spectrum
from datamodules.views.dsp.tuning import estimate_tuning
from datamodules.views.dsp.zero_crossings import zero_crossing_rate

Rows = npt.NDArray[np.floating[Any]]

FRAME, HOP = 2048, 512
"""Length of a frame and distance of two frames in samples, at any sample rate."""

MFCC = 20
"""Number of cepstral coefficients."""


class FrameFeatures:
    """The eleven features of the frames of a track; what several of them need is computed once.

    Args:
        audio: Samples (T,), at least one.
        sample_rate: Rate in Hz.
        assumed_rate: Rate in Hz for ``chroma_stft`` and the spectral features.
        chroma_bins_per_octave: Bins of the constant-Q transform that are folded as one octave.
    """

    def __init__(
        self, audio: Float32, sample_rate: int, assumed_rate: int, chroma_bins_per_octave: int
    ) -> None:
        self._audio = np.pad(audio, (0, max(0, FRAME - len(audio))))
        self._rate, self._assumed_rate = sample_rate, assumed_rate
        self._bins_per_octave = chroma_bins_per_octave

    @cached_property
    def _magnitudes(self) -> Float32:
        return magnitude_spectrum(self._audio, FRAME, HOP)

    @cached_property
    def _power(self) -> Float32:
        return self._magnitudes**2

    @cached_property
    def _folded(self) -> Float32:
        tuning = estimate_tuning(self._magnitudes, self._rate)
        constant_q_ = constant_q.constant_q_magnitudes(self._audio, self._rate, tuning)
        return chroma.fold(constant_q_, self._bins_per_octave)

    @cached_property
    def _centroid_and_bandwidth(self) -> tuple[Rows, Rows]:
        return spectral_shape.centroid_and_bandwidth(self._magnitudes, self._assumed_rate)

    @cached_property
    def chroma_cens(self) -> Rows:
        """Chroma energy normalised statistics, (12, frames)."""
        return chroma.cens(self._folded)

    @property
    def chroma_cqt(self) -> Rows:
        """Chroma of the constant-Q transform, (12, frames)."""
        return chroma.normalized(self._folded, np.inf)

    @property
    def chroma_stft(self) -> Rows:
        """Chroma of the power spectrum, (12, frames)."""
        tuning = estimate_tuning(self._power, self._assumed_rate)
        return chroma.stft_chroma(self._power, self._assumed_rate, tuning)

    @property
    def mfcc(self) -> Rows:
        """Mel-frequency cepstral coefficients, (20, frames)."""
        return cepstrum.mfcc(self._power, self._rate, MFCC)

    @property
    def rmse(self) -> Rows:
        """Root of the mean squared magnitude, (1, frames)."""
        return spectral_shape.root_mean_square(self._magnitudes)

    @property
    def spectral_bandwidth(self) -> Rows:
        """Standard deviation of the spectrum in Hz, (1, frames)."""
        return self._centroid_and_bandwidth[1]

    @property
    def spectral_centroid(self) -> Rows:
        """Mean of the spectrum in Hz, (1, frames)."""
        return self._centroid_and_bandwidth[0]

    @property
    def spectral_contrast(self) -> Rows:
        """Difference of peaks and valleys in seven bands in dB, (7, frames)."""
        return spectral_shape.spectral_contrast(self._magnitudes, self._assumed_rate)

    @property
    def spectral_rolloff(self) -> Rows:
        """Frequency in Hz below which 85 % of the magnitudes lie, (1, frames)."""
        return spectral_shape.rolloff(self._magnitudes, self._assumed_rate)

    @property
    def tonnetz(self) -> Rows:
        """Tonal centroids of `chroma_cens`, (6, frames)."""
        return chroma.tonnetz(self.chroma_cens)

    @property
    def zcr(self) -> Rows:
        """Rate of zero crossings, (1, frames)."""
        return zero_crossing_rate(self._audio, FRAME, HOP)
