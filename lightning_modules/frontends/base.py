"""Base class of the front ends, and functions that several of them use."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from nnAudio.features import STFT
from torch import Tensor, nn
from torch.nn import functional as F
from torchaudio.functional import amplitude_to_DB

from datamodules.common.errors import TagbenchError
from lightning_modules.layers.float32 import full_float32

N_FFT = 512
HOP = 256
FLOOR = 1e-10  # smallest power: silence is exactly -100 dB


class SpectrogramCache:
    """Map of the batch of audio last seen, for front ends that compute the same map.

    See ``FrontEnd.cache``.
    """

    def __init__(self) -> None:
        self._audio: Tensor | None = None
        self._levels: Tensor | None = None

    def get(self, audio: Tensor, compute: Callable[[Tensor], Tensor]) -> Tensor:
        """Return a copy of ``compute(audio)``, computed only if ``audio`` is another tensor.

        A copy, because a model may write to its input in place.
        """
        if self._levels is None or audio is not self._audio:
            self._audio, self._levels = audio, compute(audio)
        return self._levels.clone()


class FrontEnd(nn.Module):
    """Map audio (B, T) to a map (B, channels, bands, 1 + T // hop), in decibels by default.

    A subclass takes at least ``sample_rate``, ``bands`` and ``hop``. It implements ``power``, and
    ``compress`` if its map is not in decibels.

    Args:
        sample_rate: Rate of the audio in Hz.
        bands: Rows of the map.
        n_fft: Samples of a frame. Half of them are reflected at each end.
        hop: Samples from one frame to the next.

    Attributes:
        name: Name in a model's YAML. Only classes that define it can be chosen.
        channels: Number of maps per window, 1 except for the harmonic front end.
        reach: Samples that are reflected at each end; audio must be longer.
        cache: Cache to share with equal front ends of other models while they process the same
            batches; None computes every map.
    """

    name: ClassVar[str]
    channels: int = 1
    reach: int
    cache: SpectrogramCache | None

    def __init__(self, *, sample_rate: int, bands: int, n_fft: int = N_FFT, hop: int = HOP) -> None:
        super().__init__()
        self.cache = None
        self.sample_rate, self.bands = sample_rate, bands
        self.n_fft, self.hop = n_fft, hop
        self.reach = n_fft // 2

    @abstractmethod
    def power(self, audio: Tensor) -> Tensor:
        """Map float32 audio (B, T) to power (B, channels, bands, frames)."""

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to the compressed power (B, channels, bands, 1 + T // hop).

        Raises:
            TagbenchError: The audio is too short to reflect.
        """
        if audio.shape[-1] <= self.reach:
            raise TagbenchError(
                f"The {self.name} front end cannot take {audio.shape[-1]} samples of audio: it "
                f"expects more than {self.reach}."
            )
        if self.cache is not None:
            return self.cache.get(audio, self._levels)
        return self._levels(audio)

    def compress(self, power: Tensor) -> Tensor:
        """Map power to decibels, 10 log10(max(power, 1e-10)).

        There is no clip relative to the loudest bin (``top_db``). A subclass that needs one clips
        each window by itself, so that the map of a window does not depend on the other windows of
        its batch.

        Args:
            power: Float32 (B, channels, bands, frames).
        """
        return amplitude_to_DB(power, multiplier=10.0, amin=FLOOR, db_multiplier=0.0)

    def _levels(self, audio: Tensor) -> Tensor:
        with full_float32(audio.device):
            return self.compress(self.power(audio.float()))


def stft_power(stft: STFT, audio: Tensor, pad_mode: str = "reflect") -> Tensor:
    """Compute the power spectrum (B, frames, bins) of audio (B, T) with an FFT.

    nnAudio convolves the audio with all Fourier kernels, so that they can be learned. Fixed
    kernels of a full spectrum are the DFT times the window, for which the FFT gives the same
    values in half the time.

    Args:
        stft: Full spectrum with fixed kernels; its FFT size, hop and window are used.
        audio: Float32 (B, T).
        pad_mode: ``mode`` of ``torch.nn.functional.pad`` for half a frame at each end.
    """
    half = stft.n_fft // 2
    padded = F.pad(audio[:, None], (half, half), mode=pad_mode)[:, 0]
    frames = padded.unfold(1, stft.n_fft, stft.stride)  # (B, frames, n_fft)
    spectrum = torch.fft.rfft(frames * stft.window_mask.flatten())
    return torch.view_as_real(spectrum).square().sum(-1)


def exclude_buffers(module: nn.Module) -> None:
    """Exclude the buffers of a module, which are constants, from its state dict."""
    for child in module.modules():
        for name, value in list(child.named_buffers(recurse=False)):
            delattr(child, name)
            child.register_buffer(name, value, persistent=False)


def use_torch_window(stft: STFT) -> None:
    """Replace the window by torch's, which the published weights were trained with.

    It differs from nnAudio's in the last digit. Between the partials of a pure tone the spectrum
    is made of such differences, and they change an output by 2e-4.
    """
    stft.window_mask.copy_(torch.hann_window(stft.n_fft).view_as(stft.window_mask))
