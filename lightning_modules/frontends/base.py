"""Base class of the front ends, and what several of them share."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from nnAudio.features import STFT
from torch import Tensor, nn
from torch.nn import functional as F

from datamodules.common.errors import TagbenchError
from lightning_modules.layers.float32 import full_float32

N_FFT = 512
HOP = 256
FLOOR = 1e-10  # smallest power: silence is exactly -100 dB


class FrontEnd(nn.Module):
    """Audio (B, T) to a decibel map (B, channels, bands, 1 + T // hop).

    Args:
        sample_rate: Rate of the audio in Hz.
        bands: Rows of the map.

    Attributes:
        name: The name a YAML gives.
        channels: Maps per window: 1 but for the harmonic front end.
        hop: Samples from one frame to the next.
        reach: Samples that the first frame reflects at each end; audio must be longer.
    """

    name: ClassVar[str]
    channels: int = 1
    hop: ClassVar[int] = HOP
    reach: int = N_FFT // 2

    def __init__(self, *, sample_rate: int, bands: int) -> None:
        super().__init__()
        self.sample_rate, self.bands = sample_rate, bands

    @abstractmethod
    def power(self, audio: Tensor) -> Tensor:
        """Map float32 audio (B, T) to power (B, channels, bands, frames)."""

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to decibels, 10 log10(max(power, 1e-10)), without a top_db clip.

        A clip relative to the loudest bin would make a window depend on its batch.

        Raises:
            TagbenchError: The audio is too short to reflect.
        """
        if audio.shape[-1] <= self.reach:
            raise TagbenchError(
                f"The {self.name} front end cannot take {audio.shape[-1]} samples of audio: it "
                f"expects more than {self.reach}."
            )
        with full_float32(audio.device):
            return self.power(audio.float()).clamp_min(FLOOR).log10() * 10.0


def stft_power(stft: STFT, audio: Tensor) -> Tensor:
    """Return the power spectrum (B, frames, bins) that ``stft`` defines, by FFT.

    nnAudio convolves with all Fourier kernels, which is what makes them learnable. Fixed
    kernels of a full spectrum are the DFT times the window: the FFT gives the same numbers in
    half the time.
    """
    half = stft.n_fft // 2
    padded = F.pad(audio[:, None], (half, half), mode="reflect")[:, 0]
    frames = padded.unfold(1, stft.n_fft, stft.stride)  # (B, frames, n_fft)
    spectrum = torch.fft.rfft(frames * stft.window_mask.flatten())
    return torch.view_as_real(spectrum).square().sum(-1)


def exclude_buffers(module: nn.Module) -> None:
    """Keep constant buffers out of state dicts."""
    for child in module.modules():
        for name, value in list(child.named_buffers(recurse=False)):
            delattr(child, name)
            child.register_buffer(name, value, persistent=False)


def use_torch_window(stft: STFT) -> None:
    """Put in the window of the published weights: torch's, off nnAudio's in the last digit.

    Between the partials of a pure tone that digit is all there is, and moves an output by 2e-4.
    """
    stft.window_mask.copy_(torch.hann_window(N_FFT).view_as(stft.window_mask))
