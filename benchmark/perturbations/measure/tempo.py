"""Tempo ratio, from the alignment of two onset curves."""

from __future__ import annotations

import math

import numpy as np

from benchmark.perturbations.measure.signals import CONFIDENCE, Signal, peak, power

_TEMPI = np.linspace(0.98, 1.02, 161)  # searched around the ratio of the lengths


def tempo_ratio(clean: Signal, perturbed: Signal, sample_rate: int) -> float:
    """Return the tempo of ``perturbed`` relative to ``clean``; above 1 is faster.

    One onset curve is stretched around the ratio of the lengths until it aligns with the other, up
    to a constant lag of the engine.

    Args:
        clean: Shape ``(samples,)``.
        perturbed: Shape ``(other_samples,)``.
        sample_rate: Sample rate in Hz.

    Returns:
        The ratio; NaN where no stretch aligns the curves.
    """
    return ratio(
        onsets(clean, sample_rate),
        onsets(perturbed, sample_rate),
        clean.size / perturbed.size if perturbed.size else math.nan,
    )


def ratio(x: Signal, y: Signal, lengths: float) -> float:
    """Return the tempo of onset curve ``y`` relative to ``x``.

    Args:
        x: From :func:`onsets`.
        y: From :func:`onsets`.
        lengths: Samples of the clean track divided by those of the perturbed one.
    """
    if min(x.size, y.size) < 100:  # one second
        return math.nan
    ratios = lengths * _TEMPI
    time, places = np.arange(y.size), np.arange(x.size)
    scores = [_alignment(np.interp(time * r, places, x, right=0.0), y) for r in ratios]
    best, score = peak(np.array(scores))
    return (
        float(np.interp(best, np.arange(ratios.size), ratios)) if score >= CONFIDENCE else math.nan
    )


def _alignment(a: Signal, b: Signal, lag: int = 6) -> float:
    """Return the greatest correlation over lags of up to ``lag`` values in either direction."""
    a, b = a[lag:-lag] - a.mean(), b - b.mean()
    norm = math.sqrt(float(a @ a) * float(b @ b))
    return peak(np.correlate(b, a, mode="valid") / norm)[1] if norm > 0.0 else 0.0


def onsets(signal: Signal, sample_rate: int) -> Signal:
    """Return the rise of the log level per 10 ms, summed over bands and smoothed over 30 ms."""
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import stft

    hop = sample_rate // 100
    if signal.size < 4 * hop or math.isnan(power(signal)):
        return np.zeros(0)
    _, _, frames = stft(signal.astype(np.float32), sample_rate, nperseg=4 * hop, noverlap=3 * hop)
    density = np.abs(frames[1 : 8 * (frames.shape[0] // 8) + 1]).astype(np.float64) ** 2
    bands = density[: 8 * (density.shape[0] // 8)]
    bands = bands.reshape(8, -1, density.shape[1]).sum(axis=1)
    level = np.log(bands + 1e-4 * bands.mean() + 1e-30)
    rise = np.maximum(np.diff(level, axis=1), 0.0).sum(axis=0)
    return np.asarray(gaussian_filter1d(rise, 3.0))
