"""Sound generators of the instruments: damped partials and band-limited wavetables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.signal

from datamodules.synthesis.score import Note

Audio = npt.NDArray[np.float32]
Curve = npt.NDArray[np.float64]

TABLE_SIZE = 4096
# Frequency of the highest partial as a fraction of the sample rate: below 0.5, so that vibrato
# does not alias.
HIGHEST = 0.47


def damped_partials(
    hertz: Curve, amplitude: Curve, decay: Curve, phase: Curve, samples: int, sample_rate: int
) -> Audio:
    """Sum exponentially decaying sinusoids, the modes of a struck or plucked string.

    A damped sinusoid is a geometric series, ``z**(a * B + b) = z**(a * B) * z**b``, so the sum of
    P of them is a product of two small matrices instead of P * samples sines. ``einsum`` and not
    BLAS: its sums do not depend on the number of threads.

    Args:
        hertz: Frequencies in Hz, of shape (P,); those above the band are left out.
        amplitude: Initial amplitudes, of shape (P,).
        decay: Decay rates in nepers per second, of shape (P,).
        phase: Initial phases in radians, of shape (P,).
        samples: Number of samples of the result.
        sample_rate: Sample rate in Hz.
    """
    inside = (hertz < HIGHEST * sample_rate) & (np.abs(amplitude) > 0)
    pole = (-decay[inside] + 2j * np.pi * hertz[inside]) / sample_rate
    block = 256
    blocks = -(-samples // block)
    fine = np.exp(np.outer(pole, np.arange(block)))
    coarse = np.exp(np.outer(pole, np.arange(blocks) * block))
    coarse *= (amplitude[inside] * np.exp(1j * phase[inside]))[:, None]
    left = np.concatenate([coarse.real, -coarse.imag]).astype(np.float32)
    right = np.concatenate([fine.real, fine.imag]).astype(np.float32)
    out: Audio = np.einsum("pa,pb->ab", left, right).reshape(-1)[:samples]
    return out


def attack(audio: Audio, seconds: float, sample_rate: int) -> Audio:
    """Fade in over the first ``seconds``, in place, so that a note starts without a click."""
    length = min(len(audio), max(1, round(seconds * sample_rate)))
    audio[:length] *= np.sin(0.5 * np.pi * (np.arange(length) + 0.5) / length) ** 2
    return audio


def play_struck(
    notes: Sequence[Note],
    samples: int,
    sample_rate: int,
    strike: Callable[[float, float, int], Audio],
    release: float,
    layers: int = 3,
) -> Audio:
    """Render notes that decay by themselves.

    Notes of equal pitch and hardness have the same waveform, which is computed once: velocities
    are rounded to ``layers`` timbres, while the loudness is continuous.

    Args:
        notes: The notes.
        samples: Number of samples of the result.
        sample_rate: Sample rate in Hz.
        strike: ``(hertz, hardness in (0, 1], samples) -> audio`` of one undamped note.
        release: Time constant of the damping after the end of a note, in seconds.
        layers: Number of timbres between soft and hard.
    """
    out: Audio = np.zeros(samples, np.float32)
    groups: defaultdict[tuple[float, int], list[Note]] = defaultdict(list)
    for note in notes:
        groups[note.hertz, max(1, round(note.velocity * layers))].append(note)
    tail = int(5 * release * sample_rate)
    damping = np.exp(-np.arange(tail) / (release * sample_rate)).astype(np.float32)
    for (hertz, layer), group in groups.items():
        longest = max(note.duration for note in group)
        ringing = strike(hertz, layer / layers, int(longest * sample_rate) + tail)
        for note in group:
            begin, sustained = int(note.onset * sample_rate), int(note.duration * sample_rate)
            sound = ringing[: min(sustained + tail, samples - begin)] * np.float32(note.velocity)
            sound[sustained:] *= damping[: max(0, len(sound) - sustained)]
            out[begin : begin + len(sound)] += sound
    return out


@lru_cache(maxsize=64)  # bounded: each clip has spectra of its own
def wavetable(partials: tuple[float, ...]) -> Audio:
    """Return one period of a sum of harmonic sines with the given amplitudes.

    The phases are those of Schroeder, "Synthesis of low-peak-factor signals" (IEEE Trans.
    Information Theory 16, 1970), which give a low crest factor.
    """
    number = np.arange(1, len(partials) + 1)
    spectrum = np.zeros(TABLE_SIZE // 2 + 1, complex)
    spectrum[1 : len(partials) + 1] = np.array(partials) * np.exp(
        -1j * np.pi * number * (number - 1) / len(partials)
    )
    table: Audio = (scipy.fft.irfft(spectrum) * TABLE_SIZE / 2).astype(np.float32)
    return table


def split_voices(notes: Iterable[Note]) -> list[list[Note]]:
    """Distribute notes over as few monophonic voices as possible."""
    voices: list[list[Note]] = []
    for note in sorted(notes):
        free = (v for v in voices if v[-1].onset + v[-1].duration <= note.onset + 0.02)
        voice = next(free, None)
        if voice is None:
            voices.append([note])
        else:
            voice.append(note)
    return voices


def segments(notes: Sequence[Note], samples: int, sample_rate: int) -> list[tuple[int, int, Note]]:
    """Return the first sample, the end and the note of each segment of a monophonic voice.

    A segment is from the onset of a note to the next onset; the first one starts at sample 0.
    """
    edges = [0, *(int(note.onset * sample_rate) for note in notes[1:]), samples]
    return [(a, b, note) for (a, b), note in zip(pairwise(edges), notes, strict=True)]


def gate(notes: Sequence[Note], samples: int, sample_rate: int, rise: float, fall: float) -> Audio:
    """Return the envelope of a voice: raised-cosine attack, sustain, exponential release.

    Args:
        notes: Notes of one voice.
        samples: Number of samples of the curve.
        sample_rate: Sample rate in Hz.
        rise: Duration of the attack in seconds, shortened to half of a note.
        fall: Time constant of the release in seconds.
    """
    curve: Audio = np.zeros(samples, np.float32)
    tail = np.exp(-np.arange(int(5 * fall * sample_rate)) / (fall * sample_rate))
    for note in notes:
        begin, sustained = int(note.onset * sample_rate), int(note.duration * sample_rate)
        shape = np.ones(sustained + len(tail), np.float32)
        shape[sustained:] = tail
        shape = shape[: samples - begin]
        attack(shape, min(rise, 0.5 * note.duration), sample_rate)
        curve[begin : begin + len(shape)] += np.float32(note.velocity) * shape
    return curve


def pitch_curve(notes: Sequence[Note], samples: int, sample_rate: int, glide: float = 0.0) -> Curve:
    """Return the frequency of a voice in hertz at each sample, with glides between notes."""
    curve = np.empty(samples)
    for begin, end, note in segments(notes, samples, sample_rate):
        curve[begin:end] = note.hertz
    if glide > 0.0:
        memory = np.exp(-1.0 / (glide * sample_rate))
        curve, _ = scipy.signal.lfilter(
            [1.0 - memory], [1.0, -memory], curve, zi=[memory * curve[0]]
        )
    return curve


def vibrato(
    notes: Sequence[Note],
    samples: int,
    sample_rate: int,
    rate: float,
    cents: float,
    onset: float,
    rng: np.random.RandomState,
) -> Curve:
    """Return the relative frequency deviation of a vibrato that increases during each note.

    Args:
        notes: Notes of one voice.
        samples: Number of samples of the curve.
        sample_rate: Sample rate in Hz.
        rate: Frequency of the vibrato in hertz.
        cents: Peak deviation in cents.
        onset: Time constant of the increase in seconds.
        rng: Draws the phase and the slow variation of the rate.
    """
    knots = rng.uniform(0.85, 1.15, size=12) * rate
    wander = np.interp(np.linspace(0.0, 11.0, samples), np.arange(12.0), knots)
    phase = 2.0 * np.pi * (rng.random_sample() + np.cumsum(wander) / sample_rate % 1.0)
    depth = np.empty(samples)
    for begin, end, _ in segments(notes, samples, sample_rate):
        depth[begin:end] = 1.0 - np.exp(-np.arange(end - begin) / (onset * sample_rate))
    # Double precision: the oscillators integrate the deviation, and must agree across platforms.
    return np.log(2.0) * cents / 1200.0 * np.sin(phase) * depth


def oscillate(
    notes: Sequence[Note],
    hertz: Curve,
    sample_rate: int,
    spectrum: Callable[[int], tuple[float, ...]],
    start: float = 0.0,
) -> Audio:
    """Render a harmonic oscillator with a variable frequency.

    Args:
        notes: Notes of the voice; each has as many harmonics as are below the Nyquist frequency.
        hertz: Frequency at each sample.
        sample_rate: Sample rate in Hz.
        spectrum: Number of harmonics -> their amplitudes.
        start: Initial phase in cycles.
    """
    phase = np.cumsum(hertz)
    phase *= TABLE_SIZE / sample_rate
    phase += start * TABLE_SIZE
    place = phase.astype(np.int64)
    place &= TABLE_SIZE - 1
    out: Audio = np.empty(len(hertz), np.float32)
    for begin, end, note in segments(notes, len(hertz), sample_rate):
        count = max(1, int(HIGHEST * sample_rate / note.hertz))
        # In steps of about a third of an octave, so that few tables are computed.
        count = int(2.0 ** (np.floor(np.log2(count) * 3.0) / 3.0))
        out[begin:end] = wavetable(spectrum(count))[place[begin:end]]
    return out


def shape_spectrum(
    stems: Sequence[Audio], gains: Sequence[Callable[[Curve], Curve]], sample_rate: int
) -> Audio:
    """Filter each stem with a zero-phase magnitude response of its own, and sum the stems.

    Args:
        stems: Signals of equal length.
        gains: For each stem, frequencies in hertz -> linear gain.
        sample_rate: Sample rate in Hz.
    """
    samples = len(stems[0])
    size = scipy.fft.next_fast_len(samples + sample_rate // 10, real=True)
    hertz = scipy.fft.rfftfreq(size, 1.0 / sample_rate)
    # Gains are smooth, so they are computed on a coarse grid and interpolated.
    grid = np.linspace(0.0, sample_rate / 2, 2049)
    total: npt.NDArray[np.complex64] | None = None
    for stem, gain in zip(stems, gains, strict=True):
        response = np.interp(hertz, grid, gain(grid)).astype(np.float32)
        spectrum = scipy.fft.rfft(stem, size) * response
        total = spectrum if total is None else total + spectrum
    out: Audio = scipy.fft.irfft(total, size)[:samples]
    return out


def resonances(
    peaks: Sequence[tuple[float, float, float]], floor: float
) -> Callable[[Curve], Curve]:
    """Return the gain of parallel resonances above a constant floor.

    Args:
        peaks: (centre in hertz, bandwidth in hertz, linear gain) of each resonance.
        floor: Linear gain far from all resonances.
    """

    def gain(hertz: Curve) -> Curve:
        power = np.full(hertz.shape, floor**2)
        for centre, width, peak in peaks:
            power += peak**2 / (1.0 + ((hertz - centre) / (0.5 * width)) ** 2)
        return np.sqrt(power)

    return gain


def low_pass(cutoff: float, order: int = 2, resonance: float = 0.0) -> Callable[[Curve], Curve]:
    """Return the gain of a low-pass filter.

    Args:
        cutoff: Cutoff frequency in hertz.
        order: Order; the slope is ``6 * order`` dB per octave.
        resonance: Linear height of a peak that is added at the cutoff.
    """

    def gain(hertz: Curve) -> Curve:
        bump = resonance / (1.0 + ((hertz - cutoff) / (0.15 * cutoff)) ** 2)
        return 1.0 / np.sqrt(1.0 + (hertz / cutoff) ** (2 * order)) + bump

    return gain
