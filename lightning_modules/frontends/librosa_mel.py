"""Log-mel front end with librosa's defaults, as used by Won et al. 2019."""

from __future__ import annotations

import torch
from nnAudio.features import MelSpectrogram
from torch import Tensor

from lightning_modules.frontends.base import (
    HOP,
    N_FFT,
    FrontEnd,
    exclude_buffers,
    stft_power,
    use_torch_window,
)

_FLOOR = 1e-5
_RANGE_DB = 80.0


class LibrosaMel(FrontEnd):
    """Mel spectrogram of ``librosa.feature.melspectrogram``, mapped by ``amplitude_to_db``.

    Slaney's mel scale with filters of equal area, and zeros beyond both ends. The reference passes
    power to a function for amplitudes, so that the map is 20 log10(max(power, 1e-5)): twice the
    usual decibels.

    Values more than 80 below the maximum are raised to that level. The reference takes the maximum
    over the file. A model is given one window, so it is the maximum over the window here. It never
    depends on the other windows of the batch.

    Args:
        sample_rate: Rate of the audio in Hz.
        bands: Mel bands.
        n_fft: Samples of a frame.
        hop: Samples from one frame to the next.
    """

    name = "librosa_mel"

    def __init__(self, *, sample_rate: int, bands: int, n_fft: int = N_FFT, hop: int = HOP) -> None:
        super().__init__(sample_rate=sample_rate, bands=bands, n_fft=n_fft, hop=hop)
        self.mel = MelSpectrogram(
            sr=sample_rate, n_fft=n_fft, hop_length=hop, n_mels=bands, verbose=False
        )
        exclude_buffers(self)
        use_torch_window(self.mel.stft)

    def power(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to mel power (B, 1, bands, frames)."""
        spectrum = stft_power(self.mel.stft, audio, pad_mode="constant")  # (B, frames, bins)
        return (spectrum @ self.mel.mel_basis.T).transpose(1, 2)[:, None]

    def compress(self, power: Tensor) -> Tensor:
        """Map power (B, 1, bands, frames) to levels at most 80 below the maximum of the window."""
        levels = 20 * torch.log10(power.clamp_min(_FLOOR))
        return levels.maximum(levels.amax((1, 2, 3), keepdim=True) - _RANGE_DB)
