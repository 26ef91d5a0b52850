"""Windows of the samples as rows, to join audio with a vector of the track."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from datamodules.corpus.track import Float32
from datamodules.views.base import View


@dataclass(frozen=True)
class AudioWindows(View):
    """Consecutive windows of the samples, one in a row; the last one ends at the end of the track.

    A track that is shorter than a window is repeated to its length. The rows are as large as the
    audio and are not stored: only stages that read the audio itself train on them.

    Args:
        sample_rate: Rate in Hz of the audio that it takes.
        window: Samples in a row.
    """

    name: ClassVar[str] = "audio_windows"

    sample_rate: int = 16000
    window: int = 48000

    def compute(self, audio: Float32) -> Float32:
        """Return the windows (rows, window)."""
        if len(audio) < self.window:
            return np.resize(audio, (1, self.window))
        whole = audio[: len(audio) // self.window * self.window].reshape(-1, self.window)
        if len(audio) % self.window:
            whole = np.concatenate([whole, audio[None, -self.window :]])
        return np.ascontiguousarray(whole, dtype=np.float32)

    @property
    def stored(self) -> bool:
        """False: the prepared audio holds the same samples."""
        return False

    @property
    def width(self) -> int:
        """Samples in a row."""
        return self.window

    @property
    def seconds_per_row(self) -> float:
        """Duration of a window."""
        return self.window / self.sample_rate

    def rows(self, seconds: float) -> int:
        """Return the number of windows of a track of this length."""
        return max(1, -(-round(seconds * self.sample_rate) // self.window))
