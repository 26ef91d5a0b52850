"""Scattering coefficients of audio, as the ScatNet toolbox computes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from datamodules.common.errors import TagbenchError
from datamodules.views.base import View
from datamodules.views.dsp.scattering_filters import Float64, output_resolution, paths
from datamodules.views.dsp.scattering_transform import extended_size, scattering

_EPSILON = 2.0**-20  # of the toolbox, for coefficients without the factor of sub-sampling
_BLOCK = 128  # rows that are computed at once, about 48 s by default
_MARGIN = 8  # rows at the ends of a block that depend on its reflection


@dataclass(frozen=True)
class Scattering(View):
    """Scattering coefficients of orders 1 and 2, one row for each hop of the averaging filter.

    Order 1 has 8 wavelets per octave, order 2 has one. The first columns are the first-order bands,
    the highest first; then come the pairs of a first- and a second-order band, sorted. Sources:
    Andén and Mallat, "Deep scattering spectrum", IEEE Transactions on Signal Processing 62, 2014;
    ScatNet, default options for audio.

    Tracks of at most 128 hops are transformed as a whole, like in the toolbox. Longer ones are
    transformed in blocks of 128 hops that overlap by 16. A track shorter than ``averaging`` is
    extended by reflection.

    Args:
        sample_rate: Rate of the audio in Hz.
        averaging: Averaging scale in samples. At 22,050 there are 87 + 438 coefficients, and the
            hop is 8,192 samples.
        renormalised: Divide each coefficient of order 2 by that of order 1 that it follows.
        log: Take the logarithm.
    """

    name: ClassVar[str] = "scattering"

    sample_rate: int = 22050
    averaging: int = 22050
    renormalised: bool = False
    log: bool = False

    def __post_init__(self) -> None:
        if self.averaging < 256:
            raise TagbenchError(
                f"View scattering: expected averaging >= 256 samples, got {self.averaging}."
            )

    @property
    def width(self) -> int:
        """Number of coefficients."""
        first, pairs = paths(self.averaging)
        return first + len(pairs)

    @property
    def hop(self) -> int:
        """Samples between rows, a power of two."""
        return 1 << output_resolution(self.averaging)

    @property
    def seconds_per_row(self) -> float:
        """Seconds between rows."""
        return self.hop / self.sample_rate

    @property
    def columns(self) -> tuple[tuple[str, ...], ...]:
        """Order and bands of each coefficient: the first, and for order 2 also the second."""
        first, pairs = paths(self.averaging)
        return (
            *(("1", str(i), "-") for i in range(first)),
            *(("2", str(i), str(k)) for i, k in pairs),
        )

    @property
    def column_levels(self) -> tuple[str, ...]:
        """Names of the levels of `columns`."""
        return ("order", "first", "second")

    def compute(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map samples (T,) to rows (1 + (T - 1) // hop, width)."""
        signal = audio.astype(np.float64)
        rows = 1 + (signal.size - 1) // self.hop
        if signal.size < self.averaging:
            signal = np.pad(signal, (0, self.averaging - signal.size), mode="symmetric")
        coefficients = self._blocks(signal)[:, :rows]
        epsilon = _EPSILON * self.hop**0.5  # coefficients have this factor
        if self.renormalised:
            first, pairs = paths(self.averaging)
            parents = coefficients[[i for i, _ in pairs]]
            coefficients[first:] /= parents + epsilon
        if self.log:
            coefficients = np.log(np.abs(coefficients) + epsilon)
        return np.ascontiguousarray(coefficients.T, dtype=np.float32)

    def _blocks(self, signal: Float64) -> Float64:
        """Return the coefficients (width, rows) of samples (T,)."""
        samples = _BLOCK * self.hop
        if signal.size <= samples:
            return scattering(self.averaging, extended_size(signal.size))(signal)
        parts, first, last = [], 0, False
        while not last:
            block = signal[first * self.hop :][:samples]
            last = first * self.hop + samples >= signal.size
            part = scattering(self.averaging, extended_size(block.size))(block)
            begin = _MARGIN if first else 0
            parts.append(part[:, begin : part.shape[1] if last else _BLOCK - _MARGIN])
            first += _BLOCK - 2 * _MARGIN
        return np.concatenate(parts, axis=1)
