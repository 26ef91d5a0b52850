"""The scattering transform of a signal by FFTs, with the sub-sampling of the ScatNet toolbox.

A coefficient of order 1 is the local average of the modulus of a wavelet transform, one of order 2
that of the modulus of the wavelet transform of such a modulus. Each result is sub-sampled as far as
the bandwidth of its filter allows, and extended again by reflection at its own rate. Each
sub-sampling by 2 multiplies by the square root of 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from datamodules.views.dsp.scattering_filters import (
    Filter,
    Float64,
    first_order,
    low_pass_filter,
    paths,
    second_order,
    wavelets,
)

Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Signals:
    """Signals of one rate, by their spectra.

    Attributes:
        spectra: Non-negative half of the spectra (B, bins / 2 + 1) of the extended signals.
        resolution: Base-2 logarithm of the sub-sampling.
        samples: Length of the signals without their extension.
    """

    spectra: Complex
    resolution: int
    samples: int


@dataclass(frozen=True)
class Group:
    """First-order wavelets of one resolution, and the second-order wavelets that follow them.

    Attributes:
        resolution: The resolution.
        first: The wavelets.
        second: Second-order wavelets, and how many of ``first``, from its beginning, each follows.
    """

    resolution: int
    first: tuple[Filter, ...]
    second: tuple[tuple[Filter, int], ...]


@dataclass(frozen=True)
class Scattering:
    """Scattering transform of signals of one extended length.

    Attributes:
        size: Number of samples with the extension, a power of two.
        groups: The wavelets.
        low_pass: Averaging filter of both orders.
    """

    size: int
    groups: tuple[Group, ...]
    low_pass: Filter

    def __call__(self, signal: Float64) -> Float64:
        """Return the coefficients (paths, frames) of a signal (N,).

        Args:
            signal: Samples; N is at most ``size / 2``.
        """
        audio = self._extended(signal[None], 0)
        order_1: list[Float64] = []
        order_2: list[Float64] = []
        for group in self.groups:
            envelopes = np.concatenate([self._envelopes(audio, band) for band in group.first])
            bands = self._extended(envelopes, group.resolution)
            order_1.append(self._averages(bands))
            follow = [self._second_order(bands, wavelet, n) for wavelet, n in group.second]
            for i in range(len(group.first)):
                order_2 += [means[i] for means in follow if i < len(means)]
        return np.concatenate([*order_1, np.stack(order_2)])

    def _second_order(self, bands: Signals, wavelet: Filter, n: int) -> Float64:
        """Return the coefficients (n, frames) of one wavelet on the first n bands."""
        bands = Signals(bands.spectra[:n], bands.resolution, bands.samples)
        envelopes = self._envelopes(bands, wavelet)
        return self._averages(self._extended(envelopes, max(bands.resolution, wavelet.resolution)))

    def _extended(self, signals: Float64, resolution: int) -> Signals:
        """Extend signals (B, n) by reflection."""
        n = signals.shape[1]
        missing = (self.size >> resolution) - n
        after, before = missing // 2, missing - missing // 2
        reflected = signals[:, ::-1]
        right = np.concatenate([reflected, signals], axis=1)[:, :after]
        left = np.concatenate([signals, reflected], axis=1)[:, 2 * n - before :]
        spectra = fft.rfft(np.concatenate([signals, right, left], axis=1), overwrite_x=True)
        return Signals(spectra, resolution, n)

    def _envelopes(self, signals: Signals, wavelet: Filter) -> Float64:
        """Return the moduli (B, n) of a wavelet transform."""
        fitted = wavelet.fitted(self.size >> signals.resolution, self.size)
        product, bins = self._filtered(signals, fitted)
        # The position of the window in the spectrum only changes the phase.
        filtered: Complex = fft.ifft(product, bins, overwrite_x=True)
        return np.abs(filtered[:, : self._length(signals, bins)])

    def _averages(self, signals: Signals) -> Float64:
        """Return the averages (B, frames)."""
        fitted = self.low_pass.fitted(self.size >> signals.resolution, self.size)
        product, bins = self._filtered(signals, fitted)
        spectrum = np.zeros((len(product), bins), dtype=np.complex128)
        spectrum[:, : product.shape[1]] = product
        spectrum = np.roll(spectrum, fitted.start, axis=1)
        return fft.ifft(spectrum).real[:, : self._length(signals, bins)]

    def _length(self, signals: Signals, bins: int) -> int:
        """Return the number of samples after sub-sampling to some bins."""
        return 1 + (signals.samples - 1) * bins // (self.size >> signals.resolution)

    def _filtered(self, signals: Signals, fitted: Filter) -> tuple[Complex, int]:
        """Multiply spectra by a filter, and fold the product to the bins that remain.

        Returns:
            The product (B, m) on its window, m <= bins, and the number of bins after sub-sampling.
        """
        factor = max(0, fitted.resolution - signals.resolution)
        bins = self.size >> (signals.resolution + factor)
        product = _product(signals.spectra, fitted)
        product *= 2 ** (-factor / 2)
        length = product.shape[1]
        if length > bins:
            folds = -(-length // bins)
            if length % bins:
                product = np.pad(product, ((0, 0), (0, folds * bins - length)))
            product = product.reshape(-1, folds, bins).sum(axis=1)
        return product, bins


def _product(spectra: Complex, fitted: Filter) -> Complex:
    """Multiply spectra (B, bins / 2 + 1) of real signals by a filter, on its window."""
    values, start = fitted.values, fitted.start
    stop, half = start + values.size, spectra.shape[1] - 1
    product = np.empty((len(spectra), values.size), dtype=np.complex128)
    # Bins below 0 and above half of the rate are conjugates.
    for low, high, mirror in ((start, min(stop, 0), 0), (max(start, half + 1), stop, 2 * half)):
        if low < high:
            source = spectra[:, mirror - high + 1 : mirror - low + 1][:, ::-1].conj()
            product[:, low - start : high - start] = source * values[low - start : high - start]
    low, high = max(start, 0), min(stop, half + 1)
    inside = slice(low - start, high - start)
    np.multiply(spectra[:, low:high], values[inside], out=product[:, inside])
    return product


@lru_cache(maxsize=2)
def scattering(averaging: int, size: int) -> Scattering:
    """Build the transform, with filters that are kept for the next signals of this length.

    Args:
        averaging: Averaging scale in samples.
        size: Number of samples with the extension.
    """
    bank, pairs = second_order(averaging), paths(averaging)[1]
    first, second = wavelets(first_order(averaging), size), wavelets(bank, size)
    groups = []
    for resolution, members in groupby(range(len(first)), lambda i: max(0, first[i].resolution)):
        bands = tuple(members)
        used = [sum((i, k) in pairs for i in bands) for k in range(len(second))]
        follow = tuple((second[k], n) for k, n in enumerate(used) if n)
        groups.append(Group(resolution, tuple(first[i] for i in bands), follow))
    return Scattering(size, tuple(groups), low_pass_filter(bank.low_pass, size))


def extended_size(samples: int) -> int:
    """Return the length with extension of a signal: the power of two from twice its samples."""
    return 2 ** math.ceil(math.log2(2 * samples))
