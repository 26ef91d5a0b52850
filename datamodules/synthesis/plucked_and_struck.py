"""Instruments with decaying notes: piano, harpsichord, guitars, basses, electric piano."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from datamodules.synthesis.oscillators import (
    Audio,
    Curve,
    attack,
    damped_partials,
    low_pass,
    play_struck,
    resonances,
    shape_spectrum,
)
from datamodules.synthesis.score import Note

Strike = Callable[[float, float, int], Audio]


def _numbers(hertz: float, sample_rate: int, limit: int) -> Curve:
    return np.arange(1, max(2, min(limit, int(0.5 * sample_rate / hertz) + 1)), dtype=float)


def piano(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Piano: stretched partials, brighter sound of harder strokes, two-stage decay.

    Each note has two strings a fraction of a cent apart, of which one decays quickly and the other
    slowly (Weinreich, "Coupled piano strings", JASA 62, 1977).
    """
    hardness_hz = rng.uniform(1100.0, 2000.0)
    thump = rng.standard_normal(sample_rate // 20) * np.exp(-np.arange(sample_rate // 20) / 90.0)
    thump = np.convolve(thump, np.ones(24) / 24.0)[: len(thump)].astype(np.float32)

    def strike(hertz: float, hardness: float, length: int) -> Audio:
        number = _numbers(hertz, sample_rate, 36)
        stiffness = 3.5e-4 * (hertz / 261.6) ** 1.3
        partial = hertz * number * np.sqrt((1 + stiffness * number**2) / (1 + stiffness))
        level = np.abs(np.sin(np.pi * number / 7.6)) + 0.05
        level *= np.exp(-partial / (hardness_hz * (0.4 + 1.2 * hardness))) / number**0.35
        slow = (0.35 + 0.5 * (hertz / 261.6)) * (1.0 + 0.05 * number**1.3)
        phase = np.zeros_like(number)
        detuned = partial * 2.0 ** (0.4 / 1200.0)
        sound = damped_partials(
            np.concatenate([partial, detuned]),
            np.concatenate([0.75 * level, 0.35 * level]),
            np.concatenate([5.0 * slow, slow]),
            np.concatenate([phase, phase + 1.0]),
            length,
            sample_rate,
        )
        attack(sound, 0.002, sample_rate)
        knock = thump[:length] * np.float32(0.4 * hardness)
        sound[: len(knock)] += knock
        return sound

    return play_struck(notes, samples, sample_rate, strike, release=0.08)


def harpsichord(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Harpsichord: bright plucked strings of constant loudness, with an octave register."""
    pluck = rng.uniform(0.09, 0.15)
    octave = rng.uniform(0.3, 0.7)
    click = (rng.standard_normal(sample_rate // 60) * 0.25).astype(np.float32)
    click *= np.exp(-np.arange(len(click)) / (0.002 * sample_rate)).astype(np.float32)

    def strike(hertz: float, _: float, length: int) -> Audio:
        number = _numbers(hertz, sample_rate, 60)
        level = np.abs(np.sin(np.pi * number * pluck)) / number**0.45
        slow = (1.1 + 0.8 * hertz / 261.6) * (1.0 + 0.02 * number)
        ratios = np.concatenate([number, 2.003 * number])
        sound = damped_partials(
            hertz * ratios,
            np.concatenate([level, octave * level]),
            np.concatenate([slow, 1.3 * slow]),
            # Different phases avoid a peak at the onset.
            np.concatenate([number**2, number**2 + 1.0]),
            length,
            sample_rate,
        )
        attack(sound, 0.0008, sample_rate)
        tick = click[:length]
        sound[: len(tick)] += tick
        return sound

    even = [note._replace(velocity=0.8) for note in notes]
    return play_struck(even, samples, sample_rate, strike, release=0.03, layers=1)


def karplus_strong(
    brightness: float, sustain: float, pluck: float, sample_rate: int, rng: np.random.RandomState
) -> Strike:
    """Return a plucked string after Karplus and Strong, exactly in tune.

    The string is a delay line closed by the loss filter ``(1 - s) + s * cos(w)``, filled with
    noise, plucked at a fraction of its length (Jaffe and Smith, "Extensions of the Karplus-Strong
    plucked-string algorithm", Computer Music Journal 7(2), 1983). The system is
    linear, so it equals the sum of its modes: harmonic n is multiplied by the gain of the filter
    once per period. Modes need no fractional delay, so notes are in tune at any sample rate.

    Args:
        brightness: 0 (dull) to 1 (bright).
        sustain: Decay time (60 dB) of the fundamental of middle C, in seconds.
        pluck: Plucking point as a fraction of the string.
        sample_rate: Sample rate in Hz.
        rng: Draws the noise burst, which is the same for every note.
    """
    burst = rng.uniform(0.6, 1.0, size=200)
    phases = rng.uniform(0.0, 2.0 * np.pi, size=200)
    loss = 0.5 * 10.0 ** (-2.0 * brightness)

    def strike(hertz: float, hardness: float, length: int) -> Audio:
        number = _numbers(hertz, sample_rate, 80)
        omega = 2.0 * np.pi * hertz * number / sample_rate
        gain = (1.0 - loss) + loss * np.cos(omega)
        decay = -hertz * np.log(gain) + 6.91 / sustain * np.sqrt(hertz / 261.6)
        level = np.abs(np.sin(np.pi * number * pluck)) / number
        level *= burst[: len(number)] * (0.5 + hardness) ** (np.log2(number) * 0.5)
        sound = damped_partials(
            hertz * number, level, decay, phases[: len(number)], length, sample_rate
        )
        return attack(sound, 0.002, sample_rate)

    return strike


def guitar(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Acoustic guitar: plucked strings and body resonances."""
    strike = karplus_strong(
        rng.uniform(0.5, 0.8), rng.uniform(3.0, 5.0), rng.uniform(0.14, 0.28), sample_rate, rng
    )
    strings = play_struck(notes, samples, sample_rate, strike, release=0.06)
    body = resonances([(105.0, 30.0, 1.6), (210.0, 60.0, 1.5), (420.0, 150.0, 0.8)], 0.8)
    return shape_spectrum([strings], [body], sample_rate)


def electric_guitar(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Electric guitar: strings of long decay, overdriven together, and a speaker cabinet."""
    strike = karplus_strong(0.75, 9.0, rng.uniform(0.1, 0.2), sample_rate, rng)
    clean = play_struck(notes, samples, sample_rate, strike, release=0.03, layers=1)
    drive = np.float32(rng.uniform(6.0, 14.0) / (np.sqrt(np.mean(clean**2)) + 1e-9))
    # An asymmetric curve adds even harmonics; the constant is subtracted so that silence stays 0.
    bias = np.float32(0.15)
    loud = np.tanh(drive * clean + bias) - np.tanh(bias)

    def cabinet(hertz: Curve) -> Curve:
        presence = resonances([(2600.0, 1500.0, 0.9), (180.0, 150.0, 0.5)], 0.7)(hertz)
        high = hertz / np.sqrt(hertz**2 + 90.0**2)
        return presence * high * low_pass(4800.0, order=4)(hertz)

    return shape_spectrum([loud], [cabinet], sample_rate)


def bass(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Electric bass: plucked strings with a low-pass filter."""
    strike = karplus_strong(rng.uniform(0.25, 0.5), 4.0, 0.23, sample_rate, rng)
    strings = play_struck(notes, samples, sample_rate, strike, release=0.04)
    return shape_spectrum([strings], [low_pass(rng.uniform(700.0, 1600.0))], sample_rate)


def clean_guitar(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Electric guitar without overdrive: bright, quickly decaying strings and a small cabinet."""
    strike = karplus_strong(
        rng.uniform(0.55, 0.85), rng.uniform(1.5, 3.0), rng.uniform(0.08, 0.16), sample_rate, rng
    )
    strings = play_struck(notes, samples, sample_rate, strike, release=0.02)
    presence = resonances([(rng.uniform(1400.0, 2400.0), 1200.0, 0.9), (250.0, 200.0, 0.5)], 0.5)
    cabinet = low_pass(5000.0, order=3)
    return shape_spectrum([strings], [lambda hertz: presence(hertz) * cabinet(hertz)], sample_rate)


def upright_bass(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Double bass, plucked: dull strings of short decay and the resonances of a large body."""
    strike = karplus_strong(
        rng.uniform(0.3, 0.5), rng.uniform(1.0, 1.8), rng.uniform(0.25, 0.4), sample_rate, rng
    )
    strings = play_struck(notes, samples, sample_rate, strike, release=0.05)
    body = resonances([(70.0, 60.0, 1.2), (115.0, 60.0, 1.2), (240.0, 120.0, 0.8)], 0.4)
    cutoff = low_pass(rng.uniform(900.0, 1800.0))
    return shape_spectrum([strings], [lambda hertz: body(hertz) * cutoff(hertz)], sample_rate)


def synth_bass(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Synthesizer bass: a sawtooth whose high partials decay faster, as with a closing filter."""
    closing = rng.uniform(0.25, 0.8)
    odd_only = rng.random_sample() < 0.4

    def strike(hertz: float, _: float, length: int) -> Audio:
        number = _numbers(hertz, sample_rate, 70)
        level = 1.0 / number * np.where(number % 2 == 0, 0.0 if odd_only else 1.0, 1.0)
        sound = damped_partials(
            hertz * number, level, 0.5 + closing * number, 0.7 * number**2, length, sample_rate
        )
        return attack(sound, 0.003, sample_rate)

    return play_struck(notes, samples, sample_rate, strike, release=0.015, layers=1)


def fm_piano(
    notes: Sequence[Note], samples: int, sample_rate: int, rng: np.random.RandomState
) -> Audio:
    """Electric piano by frequency modulation (Chowning, 1973): a soft tone and a bell-like tine."""
    index = rng.uniform(0.8, 1.6)
    tine_ratio = float(rng.choice([7.0, 9.0, 11.0]))
    tremolo_hz, tremolo = rng.uniform(4.0, 6.5), rng.uniform(0.15, 0.4)

    def strike(hertz: float, hardness: float, length: int) -> Audio:
        seconds = np.arange(length) / sample_rate
        cycle = 2.0 * np.pi * (hertz * seconds % 1.0)
        modulator = index * hardness * np.exp(-seconds / 0.6) * np.sin(cycle)
        body = np.sin(cycle + modulator) * np.exp(-seconds * (0.9 + hertz / 700.0))
        if tine_ratio * hertz < 0.45 * sample_rate:
            ring = np.sin(2.0 * np.pi * (tine_ratio * hertz * seconds % 1.0))
            body += 0.35 * hardness * ring * np.exp(-seconds / 0.09)
        return attack(body.astype(np.float32), 0.002, sample_rate)

    dry = play_struck(notes, samples, sample_rate, strike, release=0.07)
    swing = np.sin(2.0 * np.pi * tremolo_hz * np.arange(samples) / sample_rate)
    return dry * (1.0 - tremolo * (0.5 + 0.5 * swing)).astype(np.float32)
