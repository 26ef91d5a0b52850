"""Measured effect of a perturbation on a track, from clean and perturbed audio alone.

The level of a perturbation states what was requested; these quantities state what was applied.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from benchmark.perturbations.axis import Quantity
from benchmark.perturbations.measure.loudness import integrated_loudness
from benchmark.perturbations.measure.pitch import log_spectrum, shift
from benchmark.perturbations.measure.signals import Signal, mean_product, power
from benchmark.perturbations.measure.tempo import onsets, ratio

Audio = NDArray[np.float32]


@dataclass(frozen=True)
class Effect:
    """Measured differences between a perturbed track and the clean one.

    NaN marks a quantity that is undefined: for silence, for another length, for audio without
    pitch.

    Attributes:
        rms_db: Change of level, in dB.
        loudness_lu: Change of integrated loudness (ITU-R BS.1770-4), in LU.
        crest_db: Change of peak over RMS, in dB.
        beyond_full_scale: Share of samples above 1 in magnitude.
        snr_db: Power of the part that is a scaled copy of the clean track over the power of the
            rest, in dB. Lengths that differ by at most two samples are cut to the shorter one.
        cents: Shift of the spectrum along log frequency, in cents.
        tempo_ratio: Tempo of the onsets relative to the clean track; above 1 is faster.
        further: Quantities that the perturbation defines itself, by name.
    """

    rms_db: float
    loudness_lu: float
    crest_db: float
    beyond_full_scale: float
    snr_db: float
    cents: float
    tempo_ratio: float
    further: Mapping[str, float] = field(default_factory=dict)

    def values(self) -> dict[str, float]:
        """Return every quantity by name."""
        standard = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "further"}
        return {**standard, **self.further}


@dataclass(frozen=True)
class Features:
    """Features of a track that take long to compute; those of a clean track are worth caching.

    Attributes:
        samples: Length in samples.
        loudness: Integrated loudness, in LUFS.
        spectrum: Whitened mean spectrum in steps of one cent; empty for silence.
        onsets: Onset curve, 100 values a second.
    """

    samples: int
    loudness: float
    spectrum: Signal
    onsets: Signal


def features(audio: Audio, sample_rate: int) -> Features:
    """Compute the features of a whole track: about 25 ms for 29 s at 16 kHz.

    Args:
        audio: Shape ``(samples,)``.
        sample_rate: Sample rate in Hz.
    """
    signal = audio.astype(np.float64)
    return Features(
        signal.size,
        integrated_loudness(signal, sample_rate),
        log_spectrum(signal, sample_rate),
        onsets(signal, sample_rate),
    )


def measure(
    clean: Audio,
    perturbed: Audio,
    sample_rate: int,
    *,
    costly: bool = True,
    reference: Features | None = None,
    further: Sequence[Quantity] = (),
) -> Effect:
    """Measure the effect on one track.

    Args:
        clean: Shape ``(samples,)``.
        perturbed: Shape ``(other_samples,)``.
        sample_rate: Of both, in Hz.
        costly: Whether loudness, pitch, tempo and ``further`` are measured; else they are NaN.
        reference: Features of ``clean``, where they are known already.
        further: Quantities that the perturbation defines itself.
    """
    x, y = clean.astype(np.float64), perturbed.astype(np.float64)
    levels = rms_db(x), rms_db(y)
    loudness = pitch = tempo = math.nan
    if costly:
        before = features(clean, sample_rate) if reference is None else reference
        after = features(perturbed, sample_rate)
        loudness = after.loudness - before.loudness
        pitch = shift(before.spectrum, after.spectrum)
        lengths = before.samples / after.samples if after.samples else math.nan
        tempo = ratio(before.onsets, after.onsets, lengths)
    return Effect(
        rms_db=levels[1] - levels[0],
        loudness_lu=loudness,
        crest_db=_crest(y, levels[1]) - _crest(x, levels[0]),
        beyond_full_scale=_beyond_full_scale(y),
        snr_db=snr_db(x, y),
        cents=pitch,
        tempo_ratio=tempo,
        further={
            quantity.name: quantity.measure(clean, perturbed, sample_rate) if costly else math.nan
            for quantity in further
            if quantity.measure is not None
        },
    )


def rms_db(signal: Signal) -> float:
    """Return the level in dB re full scale; NaN for silence."""
    return 10.0 * math.log10(power(signal))


def crest_db(signal: Signal) -> float:
    """Return peak over RMS in dB; NaN for silence."""
    return _crest(signal, rms_db(signal))


def _crest(signal: Signal, level: float) -> float:
    return level if math.isnan(level) else 20.0 * math.log10(_largest(signal)) - level


def _largest(signal: Signal) -> float:
    return max(float(signal.max()), -float(signal.min()))


def _beyond_full_scale(signal: Signal) -> float:
    if not signal.size:
        return math.nan
    return float(np.mean(np.abs(signal) > 1.0)) if _largest(signal) > 1.0 else 0.0


def snr_db(clean: Signal, perturbed: Signal) -> float:
    """Return the power ratio of the scaled copy of ``clean`` in ``perturbed`` to the rest, in dB.

    Args:
        clean: Shape ``(samples,)``.
        perturbed: Shape ``(other_samples,)``.

    Returns:
        The ratio; ``inf`` for an exact copy; NaN for silence, and where lengths differ by more
        than two samples.
    """
    size = min(clean.size, perturbed.size)
    x, y = clean[:size], perturbed[:size]
    if max(clean.size, perturbed.size) > size + 2:
        return math.nan
    reference = power(x)
    if math.isnan(reference + power(y)):
        return math.nan
    copy = x * (mean_product(x, y) / reference)
    signal = mean_product(copy, copy)
    copy -= y
    rest = mean_product(copy, copy)
    # Below this ratio the rest is rounding to single precision.
    return math.inf if rest <= 1e-13 * signal else 10.0 * math.log10(max(signal, 1e-300) / rest)
