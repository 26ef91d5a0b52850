"""What a perturbation did to a track, measured from the audio alone.

A level says what was asked; these figures say what was heard. They make "level 3" auditable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from benchmark.perturbations.measure.loudness import integrated_loudness

Audio = NDArray[np.float32]
Signal = NDArray[np.float64]

_SILENCE = 1e-12  # mean square
_CONFIDENCE = 0.5  # least correlation at which a shift or a tempo counts as found
_LOWEST, _HIGHEST = 110.0, 4000.0  # Hz, between which pitch is looked for
_REACH = 500  # cents, the greatest shift that is looked for
_TEMPI = np.linspace(0.98, 1.02, 161)  # around the ratio of the lengths


@dataclass(frozen=True)
class Effect:
    """Measured differences between a perturbed track and the clean one.

    ``nan`` marks what cannot be told: of silence, of another length, of sound without pitch.

    Attributes:
        rms_db: Change of level, in dB.
        loudness_lu: Change of integrated loudness (ITU-R BS.1770-4), in LU.
        crest_db: Change of peak over RMS, in dB.
        beyond_full_scale: Share of samples above 1 in magnitude.
        snr_db: Power of the part that is a scaled copy of the clean track over the power of the
            rest, in dB; lengths that differ are cut to the shorter, by two samples at most.
        cents: Shift of the spectrum along log frequency.
        tempo_ratio: Speed of the onsets relative to the clean track; above 1 is faster.
    """

    rms_db: float
    loudness_lu: float
    crest_db: float
    beyond_full_scale: float
    snr_db: float
    cents: float
    tempo_ratio: float


@dataclass(frozen=True)
class Features:
    """What is costly to tell of a track; of a clean one it is worth keeping.

    Attributes:
        samples: Length.
        loudness: Integrated, in LUFS.
        spectrum: Whitened mean spectrum in steps of one cent; empty where there is none.
        onsets: Onset curve, 100 values a second.
    """

    samples: int
    loudness: float
    spectrum: Signal
    onsets: Signal


def features(audio: Audio, sample_rate: int) -> Features:
    """Listen to a whole track: some 25 ms for 29 s at 16 kHz, a third of a pitch shift.

    Args:
        audio: Shape ``(samples,)``.
        sample_rate: In Hz.
    """
    signal = audio.astype(np.float64)
    return Features(
        signal.size,
        integrated_loudness(signal, sample_rate),
        _log_spectrum(signal, sample_rate),
        _onsets(signal, sample_rate),
    )


def measure(
    clean: Audio,
    perturbed: Audio,
    sample_rate: int,
    *,
    costly: bool = True,
    reference: Features | None = None,
) -> Effect:
    """Measure one track.

    Args:
        clean: Shape ``(samples,)``.
        perturbed: Shape ``(other_samples,)``.
        sample_rate: Of both, in Hz.
        costly: Whether loudness, pitch and tempo are looked for; else they are nan.
        reference: Features of ``clean``, where they are known already.
    """
    x, y = clean.astype(np.float64), perturbed.astype(np.float64)
    levels = rms_db(x), rms_db(y)
    loudness = pitch = tempo = math.nan
    if costly:
        before = features(clean, sample_rate) if reference is None else reference
        after = features(perturbed, sample_rate)
        loudness = after.loudness - before.loudness
        pitch = _shift(before.spectrum, after.spectrum)
        tempo = _speed(before, after)
    return Effect(
        rms_db=levels[1] - levels[0],
        loudness_lu=loudness,
        crest_db=_crest(y, levels[1]) - _crest(x, levels[0]),
        beyond_full_scale=_beyond_full_scale(y),
        snr_db=snr_db(x, y),
        cents=pitch,
        tempo_ratio=tempo,
    )


def summarise(effects: Sequence[Effect]) -> dict[str, dict[str, float]]:
    """Return mean, standard deviation, least, greatest and count of each figure over tracks.

    A figure that could not be told for a track is left out of its row; ``count`` says how many
    remain, and where none does it is all there is.
    """
    summary: dict[str, dict[str, float]] = {}
    for field in fields(Effect):
        values = np.array([getattr(effect, field.name) for effect in effects], dtype=np.float64)
        values = values[np.isfinite(values)]
        row = {"count": float(values.size)}
        if values.size:
            row |= {"mean": float(values.mean()), "sd": float(values.std())}
            row |= {"least": float(values.min()), "greatest": float(values.max())}
        summary[field.name] = row
    return summary


def _mean_product(x: Signal, y: Signal) -> float:
    # Not a dot product: its last bits depend on the threads of the library behind it.
    return float(np.mean(x * y)) if x.size else 0.0


def _power(signal: Signal) -> float:
    power = _mean_product(signal, signal)
    return power if power >= _SILENCE else math.nan


def rms_db(signal: Signal) -> float:
    """Return the level in dB re full scale; nan of silence."""
    return 10.0 * math.log10(_power(signal))


def crest_db(signal: Signal) -> float:
    """Return peak over RMS in dB; nan of silence."""
    return _crest(signal, rms_db(signal))


def _crest(signal: Signal, level: float) -> float:
    return level if math.isnan(level) else 20.0 * math.log10(_peak_of(signal)) - level


def _peak_of(signal: Signal) -> float:
    return max(float(signal.max()), -float(signal.min()))


def _beyond_full_scale(signal: Signal) -> float:
    if not signal.size:
        return math.nan
    return float(np.mean(np.abs(signal) > 1.0)) if _peak_of(signal) > 1.0 else 0.0


def snr_db(clean: Signal, perturbed: Signal) -> float:
    """Return the ratio of the scaled copy of ``clean`` in ``perturbed`` to all else, in dB.

    ``inf`` of an exact copy; nan where lengths differ by more than two samples, or of silence.
    """
    size = min(clean.size, perturbed.size)
    x, y = clean[:size], perturbed[:size]
    if max(clean.size, perturbed.size) > size + 2:
        return math.nan
    power = _power(x)
    if math.isnan(power + _power(y)):
        return math.nan
    copy = x * (_mean_product(x, y) / power)
    signal = _mean_product(copy, copy)
    copy -= y
    rest = _mean_product(copy, copy)
    # Single precision: what is left of a copy is its rounding.
    return math.inf if rest <= 1e-13 * signal else 10.0 * math.log10(max(signal, 1e-300) / rest)


def cents(clean: Signal, perturbed: Signal, sample_rate: int) -> float:
    """Return the pitch shift in cents, from the mean spectra along log frequency.

    Args:
        clean: Shape ``(samples,)``.
        perturbed: Likewise.
        sample_rate: In Hz.

    Returns:
        Shift, positive upwards, up to five semitones; nan where no shift aligns the spectra, as
        for noise or drums alone, and below a rate of 3 kHz.
    """
    return _shift(_log_spectrum(clean, sample_rate), _log_spectrum(perturbed, sample_rate))


def _shift(x: Signal, y: Signal) -> float:
    if not x.size or not y.size:
        return math.nan
    inner = x[_REACH:-_REACH]
    scores = np.correlate(y, inner, mode="valid")
    # Normalise by the energy of the part of y that each lag meets.
    total = np.concatenate([[0.0], np.cumsum(y * y)])
    energy = total[inner.size :] - total[: total.size - inner.size]
    scores = scores / np.sqrt(np.maximum(energy * float(inner @ inner), 1e-30))
    best, score = _peak(scores)
    return best - _REACH if score >= _CONFIDENCE else math.nan


def _log_spectrum(signal: Signal, sample_rate: int) -> Signal:
    """Return the whitened mean spectrum in steps of one cent; nothing of silence."""
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import welch

    top = min(_HIGHEST, 0.35 * sample_rate)
    if math.isnan(_power(signal)) or top < 1000.0:
        return np.zeros(0)
    frame = min(signal.size, 1 << round(math.log2(sample_rate)))  # about 1 s
    # Single precision, frames side by side: nothing that a cent would show, in a fifth of the time.
    frequencies, power = welch(
        signal.astype(np.float32), sample_rate, "blackman", frame, noverlap=0, nfft=2 * frame,
        detrend=False, scaling="spectrum",
    )  # fmt: skip
    power = power.astype(np.float64)
    steps = np.arange(0.0, 1200.0 * math.log2(top / _LOWEST), 1.0)
    wanted = _LOWEST * 2.0 ** (steps / 1200.0)
    spectrum = np.interp(wanted, frequencies, 10.0 * np.log10(power + 1e-12 * power.max()))
    fine = gaussian_filter1d(spectrum, 3.0)
    return np.asarray(np.maximum(fine - gaussian_filter1d(spectrum, 150.0), 0.0))


def tempo_ratio(clean: Signal, perturbed: Signal, sample_rate: int) -> float:
    """Return how much faster the onsets of ``perturbed`` follow each other.

    One onset curve is stretched around the ratio of the lengths until it aligns with the other, a
    constant lag of the engine aside; nan where no stretch aligns them.
    """
    x, y = (
        Features(s.size, math.nan, np.zeros(0), _onsets(s, sample_rate)) for s in (clean, perturbed)
    )
    return _speed(x, y)


def _speed(before: Features, after: Features) -> float:
    x, y = before.onsets, after.onsets
    if min(x.size, y.size) < 100:  # a second
        return math.nan
    ratios = before.samples / after.samples * _TEMPI
    time, places = np.arange(y.size), np.arange(x.size)
    scores = [_alignment(np.interp(time * r, places, x, right=0.0), y) for r in ratios]
    best, score = _peak(np.array(scores))
    return (
        float(np.interp(best, np.arange(ratios.size), ratios)) if score >= _CONFIDENCE else math.nan
    )


def _alignment(a: Signal, b: Signal, lag: int = 6) -> float:
    """Return the correlation at the best of a few lags, in either direction."""
    a, b = a[lag:-lag] - a.mean(), b - b.mean()
    norm = math.sqrt(float(a @ a) * float(b @ b))
    return _peak(np.correlate(b, a, mode="valid") / norm)[1] if norm > 0.0 else 0.0


def _onsets(signal: Signal, sample_rate: int) -> Signal:
    """Return the rise of the log level per 10 ms, summed over bands, smoothed over 30 ms."""
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import stft

    hop = sample_rate // 100
    if signal.size < 4 * hop or math.isnan(_power(signal)):
        return np.zeros(0)
    _, _, frames = stft(signal.astype(np.float32), sample_rate, nperseg=4 * hop, noverlap=3 * hop)
    power = np.abs(frames[1 : 8 * (frames.shape[0] // 8) + 1]).astype(np.float64) ** 2
    bands = power[: 8 * (power.shape[0] // 8)].reshape(8, -1, power.shape[1]).sum(axis=1)
    level = np.log(bands + 1e-4 * bands.mean() + 1e-30)
    rise = np.maximum(np.diff(level, axis=1), 0.0).sum(axis=0)
    return np.asarray(gaussian_filter1d(rise, 3.0))


def _peak(scores: Signal) -> tuple[float, float]:
    """Return place, between the samples, and height of the greatest score."""
    k = int(scores.argmax())
    if 0 < k < scores.size - 1:
        a, b, c = scores[k - 1 : k + 2]
        bend = a - 2.0 * b + c
        if bend < 0.0:
            offset = 0.5 * (a - c) / bend
            return float(k + offset), float(b - 0.25 * (a - c) * offset)
    return float(k), float(scores[k])
