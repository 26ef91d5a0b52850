"""Log-mel front end with librosa's defaults in decibels of power."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from lightning_modules.frontends.base import FrontEnd
from lightning_modules.frontends.librosa_mel import LibrosaMel

_RANGE_DB = 80.0


class LibrosaDecibels(LibrosaMel):
    """Mel spectrogram of ``librosa.feature.melspectrogram``, mapped by ``power_to_db``.

    10 log10(max(power, 1e-10)), where levels more than 80 dB below the maximum of the window are
    raised to that level. For the filters and the arguments, see `LibrosaMel`.
    """

    name: ClassVar[str] = "librosa_decibels"

    def compress(self, power: Tensor) -> Tensor:
        """Map power (B, 1, bands, frames) to levels at most 80 dB below the maximum."""
        levels = FrontEnd.compress(self, power)
        return levels.maximum(levels.amax((1, 2, 3), keepdim=True) - _RANGE_DB)
