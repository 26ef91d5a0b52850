"""Networks d of Neacsu 2024: 2-D convolutions on a spectrogram, followed by a recurrent layer."""

from __future__ import annotations

from typing import ClassVar, Unpack

from torch import Tensor, nn

from lightning_modules import frontends
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.layers.conv_blocks import ConvBlock2d
from lightning_modules.layers.neacsu2024 import NEACSU2024, Cell, LastState, dense_head


class SpectrogramRNN(TaggingModule):
    """Four 3x3 convolutions over 29 s, and a recurrent layer over 56 steps.

    Parameters at 10 tags: 73,706 (``rnn``), 98,666 (``lstm``), 90,346 (``gru``).

    Args:
        cell: Kind of the recurrent layer.
        bands: Bands of the front end, from 32 to 512; the FFT of the study has 256.
        frontend: Front end, see ``lightning_modules.frontends``.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "SpectrogramRNN"
    input_samples = 464000
    min_samples = 31 * 256  # 32 frames: the pools leave one step
    title: ClassVar[str] = "2D CNN + RNN"
    paper: ClassVar[str] = "Neacsu 2024, models d"
    bibtex: ClassVar[str] = NEACSU2024

    def __init__(
        self,
        *,
        cell: Cell = "gru",
        bands: int = 256,
        frontend: frontends.Options = "log_magnitude",
        **base: Unpack[BaseOptions],
    ) -> None:
        super().__init__(**base)
        self.spec = frontends.build(
            frontend, sample_rate=self.sample_rate, bands=bands, fits=range(32, 513)
        )
        pools = ((2, 2), (4, 2), (4, 4), (bands // 32, 2))
        widths = (self.spec.channels, 16, 32, 64, 64)
        self.blocks = nn.Sequential()
        for n_in, n_out, pooling in zip(widths, widths[1:], pools, strict=False):
            self.blocks.append(ConvBlock2d(n_in, n_out, pooling=pooling))
            self.blocks.append(nn.Dropout(0.2))
        self.recurrent = LastState(cell, 64, 64)
        self.head = dense_head(64, 64, self.n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        self.check_length(audio)
        x = self.spec(audio)  # (B, 1, 256, 1813)
        # 128 x 906, 32 x 453, 8 x 113 and 1 x 56
        x = self.blocks(x).squeeze(2)  # (B, 64, 56)
        return self.head(self.recurrent(x))  # (B, 64) to (B, C)
