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
    """Stacked spectrograms whose channel k has harmonic k of each pitch (Won et al. 2020).

    There is a triangular filter at each harmonic of each pitch from C1 (32.7 Hz) to the note whose
    sixth harmonic is nearest to Nyquist (E6 at 16 kHz). Its bandwidth is proportional to that of
    the auditory filters: (0.1079 f + 24.7) / Q, in Hz. See equations 1 to 4 of Data-driven
    harmonic filters, ICASSP 2020.

    Args:
        sample_rate: Rate of the audio in Hz.
        bands: Pitches, 128 in the paper: two per semitone.
        n_fft: Samples of a frame.
        hop: Samples from one frame to the next.
        harmonics: Number of harmonics, including the fundamental.
        trainable: Whether Q, one number for all filters, is learned.
    """

    name = "harmonic"
    centres: Tensor
    bins: Tensor

    def __init__(
        self,
        *,
        sample_rate: int,
        bands: int,
        n_fft: int = N_FFT,
        hop: int = HOP,
        harmonics: int = 6,
        trainable: bool = True,
    ) -> None:
        super().__init__(sample_rate=sample_rate, bands=bands, n_fft=n_fft, hop=hop)
        self.channels = harmonics
        self.spec = STFT(n_fft=n_fft, hop_length=hop, sr=sample_rate, verbose=False)
        highest = round(69 + 12 * math.log2(sample_rate / (2 * harmonics) / 440))  # MIDI note
        notes = torch.linspace(24, highest, bands + 1, dtype=torch.float64)[:-1]
        pitches = 440 * 2 ** ((notes - 69) / 12)
        centres = torch.arange(1, harmonics + 1)[:, None] * pitches  # (harmonics, bands), Hz
        self.register_buffer("centres", centres.flatten().float())
        self.register_buffer("bins", torch.linspace(0, sample_rate / 2, n_fft // 2 + 1)[:, None])
        exclude_buffers(self)
        use_torch_window(self.spec)
        self.bw_Q = nn.Parameter(torch.ones(1), requires_grad=trainable)

    def filters(self) -> Tensor:
        """Return the triangular filters (n_fft / 2 + 1, harmonics * bands)."""
        width = (0.1079 * self.centres + 24.7) / self.bw_Q
        offset = 2 * (self.bins - self.centres) / width
        return (1 - offset.abs()).clamp_min(0)

    def power(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to power (B, harmonics, bands, frames)."""
        spectrum = stft_power(self.spec, audio) @ self.filters()  # (B, frames, harmonics * bands)
        maps = spectrum.reshape(*spectrum.shape[:2], self.channels, self.bands)
        return maps.permute(0, 2, 3, 1)
