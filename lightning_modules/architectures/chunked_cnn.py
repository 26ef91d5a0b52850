"""Network c of Neacsu 2024: a 1-D convolutional network on chunks, merged by a global pool."""

from __future__ import annotations

from typing import ClassVar, Literal, Unpack

from torch import Tensor

from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.layers.neacsu2024 import NEACSU2024, dense_head, wave_blocks

CHUNK = 16000  # samples


class ChunkedCNN(TaggingModule):
    """Five shared 1-D convolutions over each second, and a global pool over the 29 seconds.

    263,274 parameters at 10 tags. Audio after the last whole second is ignored.

    Args:
        pool: How the chunks are merged: each feature's maximum or its mean.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "ChunkedCNN"
    input_samples = 29 * CHUNK
    min_samples = CHUNK
    title: ClassVar[str] = "1D CNN on chunks"
    paper: ClassVar[str] = "Neacsu 2024, model c"
    bibtex: ClassVar[str] = NEACSU2024

    def __init__(
        self, *, pool: Literal["max", "mean"] = "max", **base: Unpack[BaseOptions]
    ) -> None:
        super().__init__(**base)
        self.pool = pool
        self.blocks = wave_blocks(16, 32, 64, 128, 128)
        self.head = dense_head(128, 128, self.n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        self.check_length(audio)
        chunks = audio.unfold(1, CHUNK, CHUNK)  # (B, 29, 16000)
        # 1000, 250, 62, 15 and 3 steps
        x = self.blocks(chunks.flatten(0, 1)[:, None])  # (B * 29, 128, 3)
        x = x.mean(2).unflatten(0, chunks.shape[:2])  # (B, 29, 128)
        return self.head(x.amax(1) if self.pool == "max" else x.mean(1))  # (B, C)
