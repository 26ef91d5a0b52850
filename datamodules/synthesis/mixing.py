"""Mixing: levels, reverberation, fades and limiting."""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.ndimage
import scipy.signal

from datamodules.synthesis.oscillators import Audio

CEILING = 0.97


def decibels(value: float) -> float:
    """Return the linear amplitude of ``value`` dB."""
    return float(10.0 ** (value / 20.0))


def rms(audio: Audio) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))


def active_rms(audio: Audio, sample_rate: int) -> float:
    """Return the RMS of the 50 ms frames that are within 30 dB of the loudest frame."""
    frame = sample_rate // 20
    power = np.mean(audio[: len(audio) // frame * frame].reshape(-1, frame) ** 2, axis=1)
    return float(np.sqrt(np.mean(power[power >= 1e-3 * power.max()]))) + 1e-12


def impulse_response(reverb_s: float, sample_rate: int, rng: np.random.RandomState) -> Audio:
    """Return a room impulse response: noise that decays exponentially, faster above 3 kHz.

    Air and walls absorb high frequencies, so the upper band has 0.6 of the reverberation time.

    Args:
        reverb_s: Reverberation time (RT60) in seconds.
        sample_rate: Sample rate in Hz.
        rng: Draws the noise and the delay of the first reflection.

    Returns:
        Impulse response of energy 1, float32 of shape (samples,).
    """
    count = int(reverb_s * sample_rate)
    seconds = np.arange(count) / sample_rate
    noise = rng.standard_normal(count)
    memory = np.exp(-2.0 * np.pi * 3000.0 / sample_rate)
    low = scipy.signal.lfilter([1.0 - memory], [1.0, -memory], noise)
    fall = np.log(1000.0) / reverb_s
    room = low * np.exp(-fall * seconds) + 0.5 * (noise - low) * np.exp(-fall / 0.6 * seconds)
    delay = np.zeros(int(rng.uniform(0.008, 0.03) * sample_rate))
    out: Audio = np.concatenate([delay, room / np.sqrt(np.sum(room**2))]).astype(np.float32)
    return out


def reverberate(audio: Audio, room: Audio, wet: float) -> Audio:
    """Add the convolution with ``room``, scaled by ``wet``; the length does not change."""
    size = scipy.fft.next_fast_len(len(audio) + len(room), real=True)
    spectrum = scipy.fft.rfft(audio, size) * scipy.fft.rfft(room, size)
    out: Audio = audio + np.float32(wet) * scipy.fft.irfft(spectrum, size)[: len(audio)]
    return out


def fade(audio: Audio, fade_out: float, sample_rate: int) -> Audio:
    """Fade in over 5 ms and out over the last ``fade_out`` seconds, in place."""
    begin, end = int(0.005 * sample_rate), max(1, int(fade_out * sample_rate))
    audio[:begin] *= np.linspace(0.0, 1.0, begin, dtype=np.float32)
    audio[-end:] *= np.cos(np.linspace(0.0, np.pi / 2, end, dtype=np.float32)) ** 2
    return audio


def set_level(audio: Audio, level_dbfs: float, sample_rate: int) -> Audio:
    """Scale to an exact RMS, and limit the peaks that would exceed full scale.

    Args:
        audio: Audio of any amplitude, not silent.
        level_dbfs: RMS of the result in dB relative to 1; at most -1.
        sample_rate: Sample rate in Hz.
    """
    target = decibels(level_dbfs)
    if float(np.max(np.abs(audio))) * target / rms(audio) > CEILING:
        width = sample_rate // 100
        limited = _limit(audio, target, width)
        while rms(limited) < 0.999 * target and width > 1:
            width //= 2
            limited = _limit(audio, target, width)
        audio = limited
    return audio * np.float32(target / rms(audio))


def _limit(audio: Audio, target: float, width: int) -> Audio:
    """Raise the gain until the RMS is ``target``, with peaks at most at the ceiling.

    The gain is divided by the envelope (maximum over ``2 * width`` samples, smoothed) wherever
    that is above the ceiling, as a mastering limiter does. Narrow widths reach any level, but
    distort the music.
    """
    envelope = scipy.ndimage.maximum_filter1d(np.abs(audio), 2 * width + 1)
    # The average is over fewer samples than the maximum, so the envelope is above every peak.
    envelope = scipy.ndimage.uniform_filter1d(envelope, width) / np.float32(CEILING)
    low = target / rms(audio)
    high = 1e3 * low
    limited = audio
    for _ in range(24):
        gain = float(np.sqrt(low * high))
        limited = audio / np.maximum(envelope, np.float32(1.0 / gain))
        if rms(limited) < target:
            low = gain
        else:
            high = gain
    return limited
