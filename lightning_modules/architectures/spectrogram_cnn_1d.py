"""Future work of Neacsu 2024: a 1-D convolutional network on the sequence of spectra."""

from __future__ import annotations

from typing import ClassVar, Unpack

from torch import Tensor, nn

from lightning_modules import frontends
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.layers.neacsu2024 import NEACSU2024, dense_head, wave_block


class SpectrogramCNN1d(TaggingModule):
    """Four convolutions over time, whose input channels are the bands, and a mean over time.

    The study proposes it and does not report scores. 424,458 parameters at 10 tags.

    Args:
        bands: Bands of the front end, up to 512; the FFT of the study has 256.
        frontend: Front end, see ``lightning_modules.frontends``.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "SpectrogramCNN1d"
    input_samples = 464000
    min_samples = 255 * 256  # 256 frames: the pools leave one step
    title: ClassVar[str] = "1D CNN on spectra"
    paper: ClassVar[str] = "Neacsu 2024, future work"
    bibtex: ClassVar[str] = NEACSU2024

    def __init__(
        self,
        *,
        bands: int = 256,
        frontend: frontends.Options = "log_magnitude",
        **base: Unpack[BaseOptions],
    ) -> None:
        super().__init__(**base)
        self.spec = frontends.build(
            frontend, sample_rate=self.sample_rate, bands=bands, fits=range(1, 513)
        )
        self.blocks = nn.Sequential(
            wave_block(self.spec.channels * bands, 64),
            wave_block(64, 64),
            wave_block(64, 128),
            wave_block(128, 128),
        )
        self.head = dense_head(128, 128, self.n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        self.check_length(audio)
        x = self.spec(audio).flatten(1, 2)  # (B, 256, 1813)
        # 453, 113, 28 and 7 steps
        x = self.blocks(x)  # (B, 128, 7)
        return self.head(x.mean(2))  # (B, 128) to (B, C)
