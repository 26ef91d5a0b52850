"""Harmonic front end (Won et al. 2020, ICASSP)."""

from __future__ import annotations

import math

import torch
from nnAudio.features import STFT
from torch import Tensor, nn

from lightning_modules.frontends.base import (
    HOP,
    N_FFT,
    FrontEnd,
    exclude_buffers,
    stft_power,
    use_torch_window,
)


class Harmonic(FrontEnd):
    """Six maps that show the harmonics of each pitch at the same place (Won et al. 2020).

    A triangular filter sits at each multiple of each pitch from C1 (32.7 Hz) to the note whose
    sixth harmonic is nearest Nyquist (E6 at 16 kHz), as wide as the ear's at that frequency:
    (0.1079 f + 24.7) / Q, in Hz. Data-driven harmonic filters, ICASSP 2020, equations 1 to 4.

    Args:
        sample_rate: Rate of the audio in Hz.
        bands: Pitches, 128 in the paper: two to the semitone.
        harmonics: Harmonics, the fundamental included.
        trainable: Learn Q, one number for all filters.
    """

    name = "harmonic"
    centres: Tensor
    bins: Tensor

    def __init__(
        self, *, sample_rate: int, bands: int, harmonics: int = 6, trainable: bool = True
    ) -> None:
        super().__init__(sample_rate=sample_rate, bands=bands)
        self.channels = harmonics
        self.spec = STFT(n_fft=N_FFT, hop_length=HOP, sr=sample_rate, verbose=False)
        highest = round(69 + 12 * math.log2(sample_rate / (2 * harmonics) / 440))  # MIDI note
        notes = torch.linspace(24, highest, bands + 1, dtype=torch.float64)[:-1]
        pitches = 440 * 2 ** ((notes - 69) / 12)
        centres = torch.arange(1, harmonics + 1)[:, None] * pitches  # (harmonics, bands), Hz
        self.register_buffer("centres", centres.flatten().float())
        self.register_buffer("bins", torch.linspace(0, sample_rate / 2, N_FFT // 2 + 1)[:, None])
        exclude_buffers(self)
        use_torch_window(self.spec)
        self.bw_Q = nn.Parameter(torch.ones(1), requires_grad=trainable)

    def filters(self) -> Tensor:
        """Return the triangles (257, harmonics * bands)."""
        width = (0.1079 * self.centres + 24.7) / self.bw_Q
        offset = 2 * (self.bins - self.centres) / width
        return (1 - offset.abs()).clamp_min(0)

    def power(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to power (B, harmonics, bands, frames)."""
        spectrum = stft_power(self.spec, audio) @ self.filters()  # (B, frames, harmonics * bands)
        maps = spectrum.reshape(*spectrum.shape[:2], self.channels, self.bands)
        return maps.permute(0, 2, 3, 1)
