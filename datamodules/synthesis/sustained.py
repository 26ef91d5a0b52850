"""Instruments with sustained notes: strings, winds, voices, organ and synthesizers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from datamodules.synthesis.oscillators import (
    Audio,
    Curve,
    gate,
    low_pass,
    oscillate,
    pitch_curve,
    resonances,
    segments,
    shape_spectrum,
    split_voices,
    vibrato,
)
from datamodules.synthesis.score import Note

# Formants of sung vowels, averaged over voices: (centre in hertz, bandwidth in hertz, gain).
VOWELS = {
    "a": ((700.0, 110.0, 1.0), (1150.0, 120.0, 0.6), (2700.0, 180.0, 0.25), (3300.0, 250.0, 0.15)),
    "e": ((480.0, 90.0, 1.0), (1800.0, 140.0, 0.4), (2500.0, 180.0, 0.25), (3300.0, 250.0, 0.12)),
    "i": ((300.0, 70.0, 1.0), (2150.0, 150.0, 0.3), (2900.0, 200.0, 0.25), (3500.0, 250.0, 0.12)),
    "o": ((430.0, 80.0, 1.0), (800.0, 100.0, 0.5), (2600.0, 180.0, 0.1), (3200.0, 250.0, 0.06)),
    "u": ((330.0, 70.0, 1.0), (700.0, 90.0, 0.35), (2500.0, 180.0, 0.06), (3200.0, 250.0, 0.04)),
}
VIOLIN_BODY = (
    (280.0, 60.0, 1.3),
    (460.0, 80.0, 1.6),
    (700.0, 150.0, 0.9),
    (1100.0, 300.0, 0.9),
    (2500.0, 1200.0, 1.3),
)


def sawtooth(count: int) -> tuple[float, ...]:
    """Return the harmonic amplitudes 1/n."""
    return tuple(1.0 / n for n in range(1, count + 1))


def square(count: int) -> tuple[float, ...]:
    """Return the harmonic amplitudes 1/n at odd n, and 0.03/n at even n."""
    return tuple((1.0 if n % 2 else 0.03) / n for n in range(1, count + 1))


def glottis(count: int) -> tuple[float, ...]:
    """Return the harmonic amplitudes of a radiated glottal pulse, about -9 dB per octave."""
    return tuple(n**-1.4 for n in range(1, count + 1))


def _noise(samples: int, rng: np.random.RandomState) -> Audio:
    return (rng.random_sample(samples) - 0.5).astype(np.float32)


def violin(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Violin: sawtooth of Helmholtz motion, vibrato, portamento, bow noise, body resonances."""
    rate, cents = rng.uniform(5.2, 6.4), rng.uniform(16.0, 30.0)
    out: Audio = np.zeros(samples, np.float32)
    for voice in split_voices(notes):
        hertz = pitch_curve(voice, samples, sample_rate, glide=0.012)
        hertz *= 1.0 + vibrato(voice, samples, sample_rate, rate, cents, 0.25, rng)
        loudness = gate(voice, samples, sample_rate, rise=0.07, fall=0.05)
        string = oscillate(voice, hertz, sample_rate, sawtooth)
        string += np.float32(0.12) * _noise(samples, rng)
        out += string * loudness
    return shape_spectrum([out], [resonances(VIOLIN_BODY, 0.35)], sample_rate)


def cello(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Cello: as the violin, with a slower vibrato and a body of lower resonances."""
    rate, cents = rng.uniform(4.8, 5.8), rng.uniform(10.0, 20.0)
    out: Audio = np.zeros(samples, np.float32)
    for voice in split_voices(notes):
        hertz = pitch_curve(voice, samples, sample_rate, glide=0.015)
        hertz *= 1.0 + vibrato(voice, samples, sample_rate, rate, cents, 0.3, rng)
        loudness = gate(voice, samples, sample_rate, rise=0.09, fall=0.08)
        string = oscillate(voice, hertz, sample_rate, sawtooth)
        string += np.float32(0.08) * _noise(samples, rng)
        out += string * loudness
    body = [(centre / 2.7, width / 2.0, gain) for centre, width, gain in VIOLIN_BODY]
    return shape_spectrum([out], [resonances(body, 0.3)], sample_rate)


def strings(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """String ensemble: two players per voice, with their own vibrato and tuning, slow attacks."""
    rise = rng.uniform(0.12, 0.3)
    out: Audio = np.zeros(samples, np.float32)
    for voice in split_voices(notes):
        written = pitch_curve(voice, samples, sample_rate, glide=0.015)
        loudness = gate(voice, samples, sample_rate, rise=rise, fall=0.15)
        for sign in (-1.0, 1.0):
            cents = sign * rng.uniform(3.0, 8.0)
            swing = vibrato(voice, samples, sample_rate, rng.uniform(4.8, 6.2), 14.0, 0.3, rng)
            hertz = written * (2.0 ** (cents / 1200.0) + swing)
            desk = oscillate(voice, hertz, sample_rate, sawtooth, float(rng.random_sample()))
            out += desk * loudness
    cutoff = low_pass(rng.uniform(2500.0, 4500.0), order=1)
    body = resonances(VIOLIN_BODY, 0.5)
    return shape_spectrum([out], [lambda hertz: body(hertz) * cutoff(hertz)], sample_rate)


def flute(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Flute: few harmonics, breath noise that is louder at each onset, slight vibrato."""
    rate, cents = rng.uniform(4.4, 5.6), rng.uniform(5.0, 10.0)
    tone = (1.0, rng.uniform(0.2, 0.5), rng.uniform(0.06, 0.2), 0.04, 0.015)
    breath_level = np.float32(rng.uniform(0.25, 0.5))
    out: Audio = np.zeros(samples, np.float32)
    breath: Audio = np.zeros(samples, np.float32)
    for voice in split_voices(notes):
        swing = vibrato(voice, samples, sample_rate, rate, cents, 0.3, rng)
        hertz = pitch_curve(voice, samples, sample_rate, glide=0.004) * (1.0 + swing)
        loudness = gate(voice, samples, sample_rate, rise=0.045, fall=0.05)
        # The vibrato of a flute modulates the loudness together with the pitch.
        loudness *= (1.0 + 0.25 / (cents * np.log(2.0) / 1200.0) * swing).astype(np.float32)
        out += oscillate(voice, hertz, sample_rate, lambda count: tone[:count]) * loudness
        chiff = np.full(samples, 0.5, np.float32)
        for begin, end, _ in segments(voice, samples, sample_rate):
            chiff[begin:end] += np.exp(-np.arange(end - begin) / (0.04 * sample_rate))
        breath += chiff * loudness
    breath *= breath_level * _noise(samples, rng)
    air = resonances([(1500.0, 1200.0, 1.0), (3800.0, 2500.0, 0.7)], 0.1)
    return shape_spectrum([out, breath], [np.ones_like, air], sample_rate)


def _sung(sources: dict[str, Audio], shift: float, sample_rate: int) -> Audio:
    """Filter the source of each vowel with its formants, at frequencies scaled by ``shift``."""
    gains: list[Callable[[Curve], Curve]] = [
        resonances([(shift * centre, width, gain) for centre, width, gain in VOWELS[vowel]], 0.004)
        for vowel in sources
    ]
    return shape_spectrum(list(sources.values()), gains, sample_rate)


def _by_vowel(
    source: Audio, voice: Sequence[Note], vowels: Sequence[str], sample_rate: int, salt: int
) -> dict[str, Audio]:
    """Return the part of a voice that is sung on each vowel, with crossfades of 40 ms."""
    samples = len(source)
    width = max(2, sample_rate // 25)
    window = np.hanning(width).astype(np.float32)
    window /= window.sum()
    parts = {}
    for number, vowel in enumerate(vowels):
        mask = np.zeros(samples, np.float32)
        for order, (begin, end, _) in enumerate(segments(voice, samples, sample_rate)):
            if (order * (order + salt) // 2) % len(vowels) == number:
                mask[begin:end] = 1.0
        edges = np.flatnonzero(np.diff(mask))
        for edge in edges:
            low, high = max(0, edge - width), min(samples, edge + width)
            mask[low:high] = np.convolve(mask[low:high], window, mode="same")
        parts[vowel] = source * mask
    return parts


def voice(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Solo voice: glottal pulses with wide vibrato and portamento, one vowel per note."""
    vowels = [str(v) for v in rng.permutation(sorted(VOWELS))[:3]]
    rate, cents = rng.uniform(5.0, 6.2), rng.uniform(35.0, 60.0)
    shift = float(rng.uniform(0.95, 1.2))
    total: dict[str, Audio] = {vowel: np.zeros(samples, np.float32) for vowel in vowels}
    for line in split_voices(notes):
        hertz = pitch_curve(line, samples, sample_rate, glide=0.03)
        hertz *= 1.0 + vibrato(line, samples, sample_rate, rate, cents, 0.2, rng)
        source = oscillate(line, hertz, sample_rate, glottis)
        source += np.float32(0.05) * _noise(samples, rng)
        source *= gate(line, samples, sample_rate, rise=0.06, fall=0.05)
        for vowel, vowel_audio in _by_vowel(source, line, vowels, sample_rate, 1).items():
            total[vowel] += vowel_audio
    return _sung(total, shift, sample_rate)


def choir(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Choir: two singers per voice, with equal vowels and slightly different pitch and vibrato."""
    vowels = [str(v) for v in rng.permutation(["a", "o", "u"])[:2]]
    shift = float(rng.uniform(0.95, 1.15))
    rise = rng.uniform(0.12, 0.25)
    total: dict[str, Audio] = {vowel: np.zeros(samples, np.float32) for vowel in vowels}
    for line in split_voices(notes):
        written = pitch_curve(line, samples, sample_rate, glide=0.04)
        source: Audio = np.zeros(samples, np.float32)
        for sign in (-1.0, 1.0):
            swing = vibrato(line, samples, sample_rate, rng.uniform(4.6, 6.0), 22.0, 0.25, rng)
            hertz = written * (2.0 ** (sign * rng.uniform(4.0, 12.0) / 1200.0) + swing)
            source += oscillate(line, hertz, sample_rate, glottis, float(rng.random_sample()))
        source += np.float32(0.15) * _noise(samples, rng)
        source *= gate(line, samples, sample_rate, rise=rise, fall=0.2)
        for vowel, vowel_audio in _by_vowel(source, line, vowels, sample_rate, 0).items():
            total[vowel] += vowel_audio
    return _sung(total, shift, sample_rate)


def organ(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Organ: constant drawbar spectrum, no decay; some instruments have a rotating speaker."""
    # Footages 16', 8', 5 1/3', 4', 2 2/3', 2', 1' as harmonics of the 16' pitch.
    footages = {1: 0.5, 2: 1.0, 3: 0.35, 4: 0.7, 6: 0.4, 8: 0.5, 16: 0.25}
    levels = {h: level * rng.uniform(0.4, 1.3) for h, level in footages.items()}
    rotating = rng.random_sample() < 0.4
    speed = rng.uniform(5.5, 6.8)

    def drawbars(count: int) -> tuple[float, ...]:
        return tuple(levels.get(n, 0.0) for n in range(1, min(count, 16) + 1))

    wave = np.sin(2.0 * np.pi * speed * np.arange(samples) / sample_rate)
    out: Audio = np.zeros(samples, np.float32)
    for line in split_voices(notes):
        # The 16' stop sounds an octave below the written note.
        low = [note._replace(pitch=note.pitch - 12.0, velocity=0.8) for note in line]
        hertz = pitch_curve(low, samples, sample_rate)
        if rotating:
            hertz *= 1.0 + 0.003 * wave
        loudness = gate(low, samples, sample_rate, rise=0.015, fall=0.02)
        out += oscillate(low, hertz, sample_rate, drawbars, float(rng.random_sample())) * loudness
    if rotating:
        out *= (1.0 + 0.2 * wave).astype(np.float32)
    return out


def _sweep(
    out: Audio, dark: float, bright: float, seconds: float, phase: float, rate: int
) -> Audio:
    """Vary the cutoff of a resonant low-pass filter slowly, by crossfading two filters."""
    turn = np.cos(2.0 * np.pi * (np.arange(len(out)) / (rate * seconds) + phase))
    open_ = (0.5 + 0.5 * turn).astype(np.float32)
    gains = [low_pass(bright, 2, 0.6), low_pass(dark, 2, 0.6)]
    return shape_spectrum([out * open_, out * (1.0 - open_)], gains, rate)


def synth_lead(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Synthesizer lead: two detuned oscillators, short attack, slowly varying filter."""
    spectrum = square if rng.random_sample() < 0.4 else sawtooth
    cents = rng.uniform(5.0, 14.0)
    out: Audio = np.zeros(samples, np.float32)
    for line in split_voices(notes):
        written = pitch_curve(line, samples, sample_rate, glide=0.003)
        loudness = gate(line, samples, sample_rate, rise=0.004, fall=0.04)
        for sign in (-0.5, 0.5):
            hertz = written * 2.0 ** (sign * cents / 1200.0)
            start = float(rng.random_sample())
            out += oscillate(line, hertz, sample_rate, spectrum, start) * loudness
    period, phase = rng.uniform(6.0, 14.0), rng.random_sample()
    return _sweep(out, rng.uniform(900.0, 1500.0), 4500.0, period, phase, sample_rate)


def synth_pad(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Synthesizer pad: detuned sawtooths, slow attack, slowly varying filter."""
    rise = rng.uniform(0.4, 0.8)
    cents = rng.uniform(12.0, 22.0)
    out: Audio = np.zeros(samples, np.float32)
    for line in split_voices(notes):
        written = pitch_curve(line, samples, sample_rate)
        loudness = gate(line, samples, sample_rate, rise=rise, fall=0.35)
        for sign in (-0.5, 0.5):
            hertz = written * 2.0 ** (sign * cents / 1200.0)
            start = float(rng.random_sample())
            out += oscillate(line, hertz, sample_rate, sawtooth, start) * loudness
    period, phase = rng.uniform(7.0, 15.0), rng.random_sample()
    return _sweep(out, rng.uniform(400.0, 700.0), 2600.0, period, phase, sample_rate)
