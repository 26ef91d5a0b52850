"""Filter banks of the scattering transform, as the ScatNet toolbox builds them for audio.

Frequencies are in radians per sample, widths in samples. Bins are signed: bin b is the frequency
2 pi b / size, and negative bins are negative frequencies. Sources: Andén and Mallat, "Deep
scattering spectrum", IEEE Transactions on Signal Processing 62, 2014; ScatNet, default options for
audio: first order with 8 wavelets per octave, second order with one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

_SIGMA_0 = 2 / math.sqrt(3)
_TRUNCATION = 1e-3  # share of the maximum below which a filter is cut off
_WIDTHS = 6.0  # bumps are below 2e-8 of their maximum at this many widths from the centre


def nearest(value: float) -> int:
    """Round to the nearest integer, halves up, as Matlab rounds positive numbers."""
    return math.floor(value + 0.5)


@dataclass(frozen=True)
class Bank:
    """Wavelets of one order.

    Attributes:
        centres: Centre frequencies (K,), the highest first; the linearly spaced ones last.
        widths: Width of each wavelet in time (K,).
        low_pass: Width in time of the low-pass filter that belongs to the bank.
        n_log: Number of logarithmically spaced wavelets, which come first.
    """

    centres: tuple[float, ...]
    widths: tuple[float, ...]
    low_pass: float
    n_log: int

    @property
    def bandwidths(self) -> tuple[float, ...]:
        """Bandwidths (K,)."""
        return tuple(bandwidth(width) for width in self.widths)


def bandwidth(width: float) -> float:
    """Return the bandwidth of a Gaussian filter of a width in time."""
    return math.pi / 2 * _SIGMA_0 / width


def make_bank(q: int, n_log: int, centre: float, width: float, low_pass: float) -> Bank:
    """Build a bank with ``q`` wavelets per octave, and linearly spaced ones below the last octave.

    Args:
        q: Wavelets per octave.
        n_log: Number of logarithmically spaced wavelets.
        centre: Centre of the first wavelet.
        width: Width of the first wavelet in time.
        low_pass: Width of the low-pass filter that belongs to the first wavelet.
    """
    ratio = 2 ** (-1 / q)
    n_linear = nearest((ratio - _SIGMA_0 / (4 * low_pass)) / (1 - ratio))
    centres = [centre * 2 ** (-j / q) for j in range(n_log)]
    widths = [width * 2 ** (j / q) for j in range(n_log)]
    if n_linear:
        covered = 1 - _SIGMA_0 / (4 * low_pass) / ratio
        step = math.pi * 2 ** (-n_log / q) * covered / n_linear
        centres += [centres[-1] - step * k for k in range(1, n_linear + 1)]
        widths += [widths[-1]] * n_linear
    return Bank(tuple(centres), tuple(widths), low_pass * 2 ** ((n_log - 1) / q), n_log)


def first_order(averaging: int) -> Bank:
    """Return the first-order wavelets for an averaging scale in samples."""
    q = 8
    width = _SIGMA_0 / (2 * (1 - 2 ** (-1 / q)))
    n_log = 1 + nearest(q * math.log2(averaging / (4 * q)))
    return make_bank(q, n_log, math.pi / 2 * (2 ** (-1 / q) + 1), width, width)


def second_order(averaging: int) -> Bank:
    """Return the second-order wavelets, and the low-pass filter of both orders."""
    n_log = 1 + nearest(math.log2(averaging / 2))
    return make_bank(1, n_log, 3 * math.pi / 4, _SIGMA_0, _SIGMA_0 / 2)


def paths(averaging: int) -> tuple[int, tuple[tuple[int, int], ...]]:
    """Return the number of first-order wavelets, and the pairs (first, second) of second order.

    A pair is used if the centre of the second wavelet is below the bandwidth of the first.
    """
    first, second = first_order(averaging), second_order(averaging)
    pairs = tuple(
        (i, k)
        for i, band in enumerate(first.bandwidths)
        for k, centre in enumerate(second.centres)
        if centre < band
    )
    return len(first.centres), pairs


@dataclass(frozen=True)
class Filter:
    """Frequency response of a filter; zero outside its window.

    Attributes:
        start: First bin of the window, signed.
        values: Values (length,) on the bins from ``start``.
        resolution: Base-2 logarithm of the sub-sampling that its bandwidth allows, with an
            oversampling of one octave.
    """

    start: int
    values: Float64
    resolution: int

    def fitted(self, bins: int, size: int) -> Filter:
        """Return the filter for a signal of fewer bins; the value at half its rate is halved.

        Args:
            bins: Number of bins of the signal.
            size: Number of bins that the filter was built for.
        """
        if bins == size:
            return self
        half = bins // 2
        low, high = max(self.start, -half), min(self.start + self.values.size, half + 1)
        values = self.values[low - self.start : high - self.start].copy()
        values[0] *= 0.5 if low == -half else 1.0
        values[-1] *= 0.5 if high == half + 1 else 1.0
        return Filter(low, values, self.resolution)


def low_pass_filter(width: float, size: int) -> Filter:
    """Build a Gaussian low-pass filter for ``size`` bins."""
    start, bins = _support(0.0, width, size)
    response = _bump(bins, 0.0, width, size)
    return _truncate(start, response, _low_pass_resolution(width), size)


def wavelets(bank: Bank, size: int) -> tuple[Filter, ...]:
    """Build the Morlet wavelets of a bank for ``size`` bins.

    All are scaled so that the squares of the logarithmically spaced ones have a sum of at most 2.
    """
    total = np.zeros(size)
    responses = []
    for index, (centre, width) in enumerate(zip(bank.centres, bank.widths, strict=True)):
        start, bins = _support(centre, width, size)
        at_zero = _bump(np.zeros(1), centre, width, size) / _bump(np.zeros(1), 0.0, width, size)
        response = _bump(bins, centre, width, size)
        if at_zero[0] > 1e-20:  # so that the mean of the wavelet is 0
            response -= at_zero[0] * _bump(bins, 0.0, width, size)
        if index < bank.n_log:
            first = start % size
            last = min(size, first + response.size)
            total[first:last] += response[: last - first] ** 2
            total[: response.size - (last - first)] += response[last - first :] ** 2
        responses.append((start, response))
    scale = math.sqrt(2 / total.max())
    resolutions = [nearest(math.log2(math.pi / band)) - 1 for band in bank.bandwidths]
    return tuple(
        _truncate(start, scale * response, resolution, size)
        for (start, response), resolution in zip(responses, resolutions, strict=True)
    )


def _support(centre: float, width: float, size: int) -> tuple[int, Float64]:
    """Return the first bin and the bins (n,), n <= size, on which a wavelet is not negligible."""
    reach = _WIDTHS / width
    # Near frequency 0 a wavelet contains a bump there.
    low = min(centre - reach, -reach) if centre < 2 * reach else centre - reach
    start = math.floor(low * size / (2 * math.pi))
    stop = min(math.ceil((centre + reach) * size / (2 * math.pi)) + 1, start + size)
    return start, np.arange(start, stop, dtype=np.float64)


def _bump(bins: Float64, centre: float, width: float, size: int) -> Float64:
    """Return a Gaussian around a frequency on some bins, summed over four periods."""
    frequencies = 2 * math.pi / size * np.mod(bins, size)
    total = np.zeros(bins.size)
    for period in (-1, 0, 1, 2):
        distance = (frequencies - 2 * math.pi * period - centre) * width
        if np.abs(distance).min() < 12:  # elsewhere below 1e-31
            total += np.exp(-(distance**2) / 2)
    return total


def _truncate(start: int, response: Float64, resolution: int, size: int) -> Filter:
    """Keep the bins around those above the truncation, in a window of a power of two."""
    kept = np.flatnonzero(np.abs(response) > _TRUNCATION * np.abs(response).max())
    first, last = int(kept[0]), int(kept[-1])
    length = size >> math.floor(math.log2(size / (last - first + 1)))
    begin = nearest((first + last) / 2) - length // 2
    values = np.zeros(length)  # beyond the response, the filter is below 2e-8 of its maximum
    low, high = max(begin, 0), min(begin + length, response.size)
    values[low - begin : high - begin] = response[low:high]
    return Filter(start + begin, values, resolution)


def output_resolution(averaging: int) -> int:
    """Return the base-2 logarithm of the hop of the coefficients in samples."""
    return _low_pass_resolution(second_order(averaging).low_pass)


def _low_pass_resolution(width: float) -> int:
    return nearest(math.log2(2 * math.pi / bandwidth(width))) - 1
