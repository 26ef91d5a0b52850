"""Front ends of the spectrogram networks of Neacsu 2024: log(1 + magnitude)."""

from __future__ import annotations

from nnAudio.features import STFT
from torch import Tensor

from datamodules.common.errors import TagbenchError
from lightning_modules.frontends.base import (
    FLOOR,
    HOP,
    N_FFT,
    FrontEnd,
    exclude_buffers,
    stft_power,
    use_torch_window,
)
from lightning_modules.frontends.log_mel import LogMel


def log_magnitude(power: Tensor) -> Tensor:
    """Map power (...) to log(1 + magnitude); silence gives 1e-10.

    The root of zero has no gradient, which learned filters would need.
    """
    return power.clamp_min(FLOOR**2).sqrt().log1p()


class LogMagnitude(FrontEnd):
    """Bins of the FFT, without that at Nyquist.

    Args:
        sample_rate: Rate of the audio in Hz.
        bands: Rows of the map, ``n_fft / 2``.
        n_fft: Samples of a frame.
        hop: Samples from one frame to the next.

    Raises:
        TagbenchError: ``bands`` is not ``n_fft / 2``.
    """

    name = "log_magnitude"

    def __init__(self, *, sample_rate: int, bands: int, n_fft: int = N_FFT, hop: int = HOP) -> None:
        super().__init__(sample_rate=sample_rate, bands=bands, n_fft=n_fft, hop=hop)
        if bands != n_fft // 2:
            raise TagbenchError(
                f"The log_magnitude front end with an FFT of {n_fft} samples has {n_fft // 2} "
                f"bands, got {bands}. Use log_mel_magnitude for another number of bands."
            )
        self.stft = STFT(n_fft=n_fft, hop_length=hop, sr=sample_rate, verbose=False)
        exclude_buffers(self)
        use_torch_window(self.stft)

    def power(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to power (B, 1, bands, frames)."""
        return stft_power(self.stft, audio)[:, :, :-1].transpose(1, 2)[:, None]

    def compress(self, power: Tensor) -> Tensor:
        """Map power (B, 1, bands, frames) to log(1 + magnitude)."""
        return log_magnitude(power)


class LogMelMagnitude(LogMel):
    """Mel bands of ``log_mel``, compressed as those of ``log_magnitude``.

    Takes the arguments of ``LogMel``.
    """

    name = "log_mel_magnitude"

    def compress(self, power: Tensor) -> Tensor:
        """Map mel power (B, 1, bands, frames) to log(1 + magnitude)."""
        return log_magnitude(power)
