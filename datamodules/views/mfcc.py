"""Mel-frequency cepstral coefficients of frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from datamodules.corpus.track import Float32
from datamodules.views.base import View
from datamodules.views.dsp.cepstrum import mfcc
from datamodules.views.dsp.spectrum import magnitude_spectrum


@dataclass(frozen=True)
class Mfcc(View):
    """Cepstral coefficients as ``librosa.feature.mfcc`` computes them, one row for each frame.

    Args:
        sample_rate: Rate in Hz of the audio that it takes.
        coefficients: Number of coefficients.
        bands: Mel bands.
        n_fft: Samples of a frame.
        hop: Samples from one frame to the next.
    """

    name: ClassVar[str] = "mfcc"

    sample_rate: int = 22050
    coefficients: int = 13
    bands: int = 40
    n_fft: int = 2048
    hop: int = 1024

    def compute(self, audio: Float32) -> Float32:
        """Return the coefficients (frames, coefficients)."""
        power = magnitude_spectrum(audio, self.n_fft, self.hop) ** 2
        rows = mfcc(power, self.sample_rate, self.coefficients, self.bands).T
        return np.ascontiguousarray(rows, dtype=np.float32)

    @property
    def width(self) -> int:
        """Number of coefficients."""
        return self.coefficients

    @property
    def seconds_per_row(self) -> float:
        """Distance of two frames."""
        return self.hop / self.sample_rate
