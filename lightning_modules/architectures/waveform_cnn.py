"""Network a of Neacsu 2024: a 1-D convolutional network on samples."""

from __future__ import annotations

from typing import ClassVar, Unpack

from torch import Tensor

from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.layers.neacsu2024 import NEACSU2024, dense_head, wave_blocks


class WaveformCNN(TaggingModule):
    """Six 1-D convolutions over 29 s of samples, and two dense layers over all 28 steps.

    742,698 parameters at 10 tags.

    Args:
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "WaveformCNN"
    input_samples = 464000
    min_samples = 28 * 4**7 - 3  # the dense layer takes 28 steps of 4^7 samples
    max_samples: int | None = 29 * 4**7 - 4
    title: ClassVar[str] = "1D CNN"
    paper: ClassVar[str] = "Neacsu 2024, model a"
    bibtex: ClassVar[str] = NEACSU2024

    def __init__(self, **base: Unpack[BaseOptions]) -> None:
        super().__init__(**base)
        self.blocks = wave_blocks(16, 32, 64, 64, 128, 128)
        self.head = dense_head(128 * 28, 128, self.n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        self.check_length(audio)
        # 29000, 7250, 1812, 453, 113 and 28 steps
        x = self.blocks(audio[:, None])  # (B, 128, 28)
        return self.head(x.flatten(1))  # (B, 3584) to (B, C)
