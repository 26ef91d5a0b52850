"""Networks b of Neacsu 2024: 1-D convolutions on samples, followed by a recurrent layer."""

from __future__ import annotations

from typing import ClassVar, Unpack

from torch import Tensor

from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.layers.neacsu2024 import (
    NEACSU2024,
    Cell,
    LastState,
    dense_head,
    wave_blocks,
)


class WaveformRNN(TaggingModule):
    """Five 1-D convolutions over 29 s of samples, and a recurrent layer over 113 steps.

    Parameters at 10 tags: 151,914 (``rnn``), 189,162 (``lstm``), 176,746 (``gru``).

    Args:
        cell: Kind of the recurrent layer.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "WaveformRNN"
    input_samples = 464000
    min_samples = 4**6 - 3  # one step of the recurrent layer
    title: ClassVar[str] = "1D CNN + RNN"
    paper: ClassVar[str] = "Neacsu 2024, models b"
    bibtex: ClassVar[str] = NEACSU2024

    def __init__(self, *, cell: Cell = "gru", **base: Unpack[BaseOptions]) -> None:
        super().__init__(**base)
        self.blocks = wave_blocks(16, 32, 64, 64, 128)
        self.recurrent = LastState(cell, 128, 64)
        self.head = dense_head(64, 64, self.n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        self.check_length(audio)
        # 29000, 7250, 1812, 453 and 113 steps
        x = self.blocks(audio[:, None])  # (B, 128, 113)
        return self.head(self.recurrent(x))  # (B, 64) to (B, C)
