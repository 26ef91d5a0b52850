"""Constant-Q front end."""

from __future__ import annotations

from nnAudio.features import CQT1992v2
from torch import Tensor

from datamodules.common.errors import TagbenchError
from lightning_modules.frontends.base import HOP, FrontEnd, exclude_buffers


class ConstantQ(FrontEnd):
    """Constant-Q transform of the eight octaves below Nyquist, with the scaling of librosa.

    Args:
        sample_rate: Rate of the audio in Hz.
        bands: Frequency bands, a multiple of 8: ``bands / 8`` per octave.
        hop: Samples from one frame to the next.
        trainable: Whether the kernels are learned.
    """

    name = "cqt"

    def __init__(
        self, *, sample_rate: int, bands: int, hop: int = HOP, trainable: bool = False
    ) -> None:
        super().__init__(sample_rate=sample_rate, bands=bands, hop=hop)
        if bands % 8:
            raise TagbenchError(
                f"The cqt front end covers 8 octaves: expected a multiple of 8 bands, got {bands}."
            )
        self.cqt = CQT1992v2(
            sr=sample_rate,
            hop_length=hop,
            fmin=sample_rate / 2**9,
            n_bins=bands,
            bins_per_octave=bands // 8,
            trainable=trainable,
            verbose=False,
        )
        self.reach = self.cqt.kernel_width // 2
        exclude_buffers(self)

    def power(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to power (B, 1, bands, frames)."""
        spectrum = self.cqt(audio, output_format="Complex")  # (B, bands, frames, 2)
        return spectrum.square().sum(-1)[:, None]
