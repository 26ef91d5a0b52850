"""Linear-frequency front end."""

from __future__ import annotations

from nnAudio.features import STFT
from torch import Tensor

from lightning_modules.frontends.base import HOP, N_FFT, FrontEnd, exclude_buffers


class LinearSTFT(FrontEnd):
    """Spectrogram with evenly spaced bands from 0 Hz to Nyquist.

    Args:
        sample_rate: Rate of the audio in Hz.
        bands: Frequency bands.
        n_fft: Samples of a frame.
        hop: Samples from one frame to the next.
        trainable: Whether the Fourier kernels are learned.
    """

    name = "stft"

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
        self.stft = STFT(
            n_fft=n_fft,
            hop_length=hop,
            freq_bins=bands,
            freq_scale="linear",
            fmin=0,
            fmax=sample_rate / 2,
            sr=sample_rate,
            trainable=trainable,
            verbose=False,
        )
        exclude_buffers(self)

    def power(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to power (B, 1, bands, frames)."""
        spectrum = self.stft(audio, output_format="Complex")  # (B, bands, frames, 2)
        return spectrum.square().sum(-1)[:, None]
