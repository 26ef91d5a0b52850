"""Log-mel front end of the taggers of Won et al."""

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
    """Log-mel spectrogram of Won et al.: HTK scale, triangles of peak 1, 0 Hz to Nyquist.

    The defaults are those of Won et al. 2020 at 16 kHz; at 22,050 Hz the same authors use an FFT of
    1024 samples and a hop of 512.

    Args:
        sample_rate: Rate of the audio in Hz.
        bands: Mel bands.
        n_fft: Samples of a frame.
        hop: Samples from one frame to the next.
        trainable: Whether the Fourier kernels and the mel filters are learned.
    """

    name = "log_mel"

    def __init__(
        self,
        *,
        sample_rate: int,
        bands: int,
        n_fft: int = N_FFT,
        hop: int = HOP,
        trainable: bool = False,
    ) -> None:
        super().__init__(sample_rate=sample_rate, bands=bands, n_fft=n_fft, hop=hop)
        self.trainable = trainable
        self.mel = MelSpectrogram(
            sr=sample_rate,
            n_fft=n_fft,
            hop_length=hop,
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
        spectrum = stft_power(self.mel.stft, audio)  # (B, frames, n_fft / 2 + 1)
        return (spectrum @ self.mel.mel_basis.T).transpose(1, 2)[:, None]
