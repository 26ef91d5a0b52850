"""The samples themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from datamodules.corpus.track import Float32
from datamodules.views.base import View


@dataclass(frozen=True)
class Waveform(View):
    """The samples of a track, float32 of shape ``(T,)``: the only view without a second axis."""

    name: ClassVar[str] = "waveform"

    def compute(self, audio: Float32) -> Float32:
        """Return ``audio`` itself."""
        return audio

    @property
    def width(self) -> int:
        """One value for each sample."""
        return 1

    @property
    def seconds_per_row(self) -> float:
        """Duration of a sample."""
        return 1 / self.sample_rate
