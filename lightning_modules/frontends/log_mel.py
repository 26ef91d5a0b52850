"""Log-mel front end of Won et al. 2020."""

from __future__ import annotations

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


class LogMel(FrontEnd):
    """Log-mel spectrogram of Won et al. 2020: HTK scale, triangles of peak 1, 0 Hz to Nyquist.

    Args:
        sample_rate: Rate of the audio in Hz.
        bands: Mel bands.
        trainable: Whether the Fourier kernels and the mel filters are learned.
    """

    name = "log_mel"

    def __init__(self, *, sample_rate: int, bands: int, trainable: bool = False) -> None:
        super().__init__(sample_rate=sample_rate, bands=bands)
        self.trainable = trainable
        self.mel = MelSpectrogram(
            sr=sample_rate,
            n_fft=N_FFT,
            hop_length=HOP,
            n_mels=bands,
            htk=True,
            norm=None,
            trainable_mel=trainable,
            trainable_STFT=trainable,
            verbose=False,
        )
        exclude_buffers(self)
        use_torch_window(self.mel.stft)

    def power(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to mel power (B, 1, bands, frames)."""
        if self.trainable:
            return self.mel(audio)[:, None]  # as a convolution with the learned kernels
        spectrum = stft_power(self.mel.stft, audio)  # (B, frames, 257)
        return (spectrum @ self.mel.mel_basis.T).transpose(1, 2)[:, None]
