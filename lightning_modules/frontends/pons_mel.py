"""Log-mel front end of the released taggers of Pons and Serra 2019."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_modules.frontends.base import HOP
from lightning_modules.frontends.librosa_mel import LibrosaMel

SAMPLE_RATE, BANDS, FRAMES = 16000, 96, 187

_GAIN = 10_000
_LARGEST = torch.finfo(torch.float16).max


class PonsMel(LibrosaMel):
    """Mel power of librosa, rounded to float16, and compressed to log10(10000 x + 1).

    Slaney's mel scale with filters of equal area, and zeros beyond both ends. The networks were
    trained on spectrograms that had been stored in float16. Power above the range of float16, which
    audio within -1 to 1 does not reach, is reduced to its largest value.

    Takes the arguments of ``LibrosaMel``.
    """

    name = "pons_mel"

    def compress(self, power: Tensor) -> Tensor:
        """Map power (B, 1, bands, frames) to log10(10000 x + 1)."""
        stored = power.clamp_max(_LARGEST).half().float()
        return torch.log10(_GAIN * stored + 1)


class PonsFrames(PonsMel):
    """`PonsMel` of the frames that lie within a window: (B, T) to (B, 1, 96, T // 256 - 1).

    The publication computes the spectrogram of a file and cuts it into windows of 187 frames. The
    first and the last of these reach into the neighbours of the window. The audio of a window
    therefore covers all samples of its frames, and the frames at both ends of the audio, which
    would contain zeros, are left out.
    """

    def __init__(self) -> None:
        super().__init__(sample_rate=SAMPLE_RATE, bands=BANDS)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to levels (B, 1, 96, T // 256 - 1)."""
        return super().forward(audio)[..., 1:-1]


def samples_of(frames: int) -> int:
    """Return the fewest samples of which `PonsFrames` makes this many frames."""
    return (frames + 1) * HOP


WINDOW = samples_of(FRAMES)
"""Length of a window in samples: 48,128, of which 256 belong to the window before it."""
