"""Small views: one that counts how often it is computed, and one that reads the id of a track."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from datamodules.common.errors import TagbenchError
from datamodules.views.base import TrackVector, View
from tests.support.audio_files import Float32


@dataclass(frozen=True)
class BlockLevels(View):
    """Mean and level of blocks of 1,000 samples. Each call appends a line to ``log``."""

    name: ClassVar[str] = "block_levels"

    sample_rate: int = 8000
    log: str = ""
    declared: int = 2
    refused: float = 0.0

    def compute(self, audio: Float32) -> Float32:
        if self.log:
            with Path(self.log).open("a") as file:
                file.write(f"{audio.shape[0]} {float(np.abs(audio).sum(dtype=np.float64))!r}\n")
        if self.refused and len(audio) >= self.refused:
            raise TagbenchError("too long, on purpose")
        blocks = np.resize(audio, (max(1, len(audio) // 1000), 1000))
        return np.stack([blocks.mean(1), blocks.std(1)], axis=1)

    @property
    def width(self) -> int:
        return self.declared

    @property
    def seconds_per_row(self) -> float:
        return 1000 / self.sample_rate


@dataclass(frozen=True)
class IdLength(TrackVector):
    """The length of the id of a track."""

    name: ClassVar[str] = "id_length"

    def of_track(self, track_id: str, audio: Float32) -> Float32:
        return np.array([[len(track_id)]], np.float32)

    @property
    def width(self) -> int:
        return 1
