"""Log-mel spectrogram with librosa's defaults, the input of the genre networks of MATT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from datamodules.corpus.track import Float32
from datamodules.views.base import View


@dataclass(frozen=True)
class LogMel(View):
    """Mel power in decibels, one row for each frame.

    Slaney's mel scale with filters of equal area, zeros beyond both ends, and a floor of ``top_db``
    below the maximum of the track. The defaults are those of the source of MATT
    (github.com/JohannesLiu/Music-Genre-Classification), whose input has the shape (1360, 96).

    Args:
        sample_rate: Rate in Hz of the audio that it takes.
        seconds: Length to which a track is cut or zero-padded; None keeps the track.
        bands: Mel bands.
        n_fft: Samples of a frame.
        hop: Samples from one frame to the next.
        top_db: Range below the maximum in decibels; None for no limit.
    """

    name: ClassVar[str] = "log_mel"

    sample_rate: int = 12000
    seconds: float | None = 29.0
    bands: int = 96
    n_fft: int = 2048
    hop: int = 256
    top_db: float | None = 80.0

    def compute(self, audio: Float32) -> Float32:
        """Return the levels (frames, bands) in decibels."""
        import librosa  # takes a second

        # A frame needs n_fft samples; librosa would pad with the same zeros, and warn.
        size = max(len(audio), self.n_fft) if self.seconds is None else self._samples(self.seconds)
        padded = np.pad(audio[:size], (0, size - min(len(audio), size)))
        power = librosa.feature.melspectrogram(
            y=padded,
            sr=self.sample_rate,
            n_fft=self.n_fft,
            hop_length=self.hop,
            n_mels=self.bands,
        )
        levels = librosa.power_to_db(power, top_db=self.top_db)
        return np.ascontiguousarray(levels.T, dtype=np.float32)

    @property
    def width(self) -> int:
        """Number of bands."""
        return self.bands

    @property
    def seconds_per_row(self) -> float:
        """Distance of two frames."""
        return self.hop / self.sample_rate

    def rows(self, seconds: float) -> int:
        """Return the number of frames of a track of this length."""
        return 1 + self._samples(seconds if self.seconds is None else self.seconds) // self.hop

    def _samples(self, seconds: float) -> int:
        return max(1, round(seconds * self.sample_rate))
