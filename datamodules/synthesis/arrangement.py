"""Notes of each role in beats: melody, chords, pad, arpeggio, bass, solo."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from datamodules.synthesis.harmony import Bar
from datamodules.synthesis.rhythm import figure, motif


class Range(NamedTuple):
    """Range in MIDI pitches: melodies from ``low`` to ``high``, chords from ``chord`` upwards."""

    low: int
    high: int
    chord: int


RANGES = {
    "bass": Range(28, 40, 28),
    "cello": Range(38, 60, 38),
    "choir": Range(55, 76, 53),
    "clean_guitar": Range(60, 79, 50),
    "electric_guitar": Range(62, 81, 40),
    "flute": Range(70, 91, 70),
    "fm_piano": Range(64, 84, 54),
    "guitar": Range(60, 79, 48),
    "harpsichord": Range(64, 84, 52),
    "organ": Range(64, 84, 52),
    "piano": Range(64, 86, 50),
    "reese_bass": Range(29, 41, 29),
    "saxophone": Range(53, 75, 53),
    "strings": Range(60, 80, 52),
    "synth_bass": Range(29, 41, 29),
    "synth_lead": Range(60, 81, 57),
    "synth_pad": Range(55, 76, 50),
    "trumpet": Range(58, 79, 58),
    "upright_bass": Range(28, 40, 28),
    "violin": Range(62, 86, 62),
    "voice": Range(55, 74, 55),
}
# In a solo, these instruments accompany their own melody.
POLYPHONIC = ("fm_piano", "guitar", "harpsichord", "organ", "piano")
FIGURES = {
    "electric_guitar": ("drive", "drive", "block", "pulse"),
    "fm_piano": ("pulse", "arpeggio"),
    "guitar": ("arpeggio", "strum", "alberti"),
    "harpsichord": ("alberti", "arpeggio", "pulse"),
    "organ": ("block",),
    "piano": ("alberti", "arpeggio", "pulse"),
    "strings": ("block", "pulse"),
}
STYLE_FIGURES = {"techno": ("stab",), "ambient": ("block",)}


class Event(NamedTuple):
    """A note in musical time: beat, duration in beats, MIDI pitch, velocity, delay in seconds."""

    beat: float
    duration: float
    pitch: int
    velocity: float
    delay: float = 0.0


@dataclass(frozen=True)
class Frame:
    """Data shared by the parts of a clip: tempo, style, beats per bar, harmony of each bar."""

    tempo_bpm: float
    style: str
    meter: int
    bars: tuple[Bar, ...]

    @property
    def bar_seconds(self) -> float:
        """Duration of a bar in seconds."""
        return self.meter * 60.0 / self.tempo_bpm

    @property
    def lively(self) -> bool:
        """Whether melodies use eighth notes often, which would make slow music sound fast."""
        return self.tempo_bpm > 80.0


def melody(frame: Frame, instrument: str, rng: np.random.RandomState) -> list[Event]:
    """Return a melody: three motifs in the form ABAC, transposed with the harmony."""
    low, high, _ = RANGES[instrument]
    motifs = [motif(frame.meter, frame.lively, rng) for _ in range(3)]
    centre = round((low + high) / 2)
    events: list[Event] = []
    for number, bar in enumerate(frame.bars):
        if number and rng.random_sample() < 0.08 and frame.bar_seconds < 2.5:
            continue  # a bar of rest; in slow music it would be too long
        anchor = bar.nearest_chord_degree(round((centre - bar.tonic) * 7 / 12))
        for step in motifs[(0, 1, 0, 2)[number % 4]]:
            degree = anchor + step.offset
            if step.beat % 2 == 0:
                degree = bar.nearest_chord_degree(degree)
            pitch = bar.pitch(degree)
            pitch += 12 * math.ceil(max(0, low - pitch) / 12)
            pitch -= 12 * math.ceil(max(0, pitch - high) / 12)
            accent = 0.9 if step.beat == 0 else 0.75
            velocity = accent + 0.1 * float(rng.uniform(-1, 1))
            events.append(Event(number * frame.meter + step.beat, step.duration, pitch, velocity))
    return events


def counter(frame: Frame, instrument: str, rng: np.random.RandomState) -> list[Event]:
    """Return a second melody of long chord tones."""
    low = RANGES[instrument].low
    events = []
    for number, bar in enumerate(frame.bars):
        chord = bar.chord(low + 5)
        half = frame.meter / 2
        for place in range(2):
            pitch = chord[int(rng.randint(3))]
            events.append(Event(number * frame.meter + place * half, half, pitch, 0.75))
    return events


def chords(frame: Frame, instrument: str, rng: np.random.RandomState) -> list[Event]:
    """Return an accompaniment in a figure that suits instrument and style."""
    options = STYLE_FIGURES.get(frame.style, FIGURES.get(instrument, ("block",)))
    return _figured(frame, instrument, options[int(rng.randint(len(options)))])


def _figured(frame: Frame, instrument: str, kind: str) -> list[Event]:
    low = RANGES[instrument].chord
    # A strummed chord has one string after the other; other chords have simultaneous notes.
    spread = 0.012 if instrument == "guitar" and kind == "strum" else 0.0
    events = []
    for number, bar in enumerate(frame.bars):
        tones: tuple[int, ...] = bar.chord(low)
        if instrument == "electric_guitar":
            root = bar.root_pitch(low)
            tones = (root, root + 7, root + 12)  # a distorted third would be dissonant
        tones = (*tones, tones[0] + 12)
        for stroke in figure(kind, frame.meter):
            beat = number * frame.meter + stroke.beat
            for order, tone in enumerate(stroke.tones):
                events.append(
                    Event(beat, stroke.duration, tones[tone], stroke.velocity, order * spread)
                )
    return events


def pad(frame: Frame, instrument: str, rng: np.random.RandomState) -> list[Event]:
    """Return one chord per bar; with probability 1/2, the root is doubled an octave lower."""
    events = _figured(frame, instrument, "block")
    if rng.random_sample() < 0.5:
        low = RANGES[instrument].chord - 12
        for number, bar in enumerate(frame.bars):
            beat = float(number * frame.meter)
            events.append(Event(beat, float(frame.meter), bar.root_pitch(low), 0.7))
    return events


def arp(frame: Frame, instrument: str, rng: np.random.RandomState) -> list[Event]:
    """Return arpeggios in a fixed order: sixteenth notes in fast music, otherwise eighth notes."""
    low = RANGES[instrument].chord
    order = [int(n) for n in rng.randint(0, 4, size=8)]
    density = 4 if frame.tempo_bpm > 140.0 else 2
    gate = 0.8 / density
    events = []
    for number, bar in enumerate(frame.bars):
        chord = bar.chord(low)
        tones = (*chord, chord[0] + 12)
        for step in range(frame.meter * density):
            beat = number * frame.meter + step / density
            velocity = 0.9 if step % density == 0 else 0.65
            events.append(Event(beat, gate, tones[order[step % 8]], velocity))
    return events


def bass(frame: Frame, instrument: str, rng: np.random.RandomState) -> list[Event]:
    """Return a bass line: roots in eighth notes, roots and fifths, or the offbeats of techno."""
    low = RANGES[instrument].low
    kinds = {"techno": ("offbeat", "eighths"), "rock": ("eighths", "eighths", "fifths")}
    options = kinds.get(frame.style, ("fifths", "halves"))
    kind = options[int(rng.randint(len(options)))]
    events = []
    for number, bar in enumerate(frame.bars):
        root = bar.root_pitch(low)
        fifth = root + 7 if root + 7 <= low + 14 else root - 5
        start = float(number * frame.meter)
        if kind == "eighths":
            line = [(n / 2, 0.45, root) for n in range(2 * frame.meter)]
        elif kind == "offbeat":
            line = [(n + 0.5, 0.4, root) for n in range(frame.meter)]
        elif kind == "fifths":
            line = [(float(n), 0.9, fifth if n % 2 else root) for n in range(frame.meter)]
        else:
            line = [(0.0, 1.4, root), (1.5, 0.5, root), (2.0, 1.9, fifth)]
        events += [Event(start + beat, length, pitch, 0.85) for beat, length, pitch in line]
    return events


def solo(frame: Frame, instrument: str, rng: np.random.RandomState) -> list[Event]:
    """Return a melody; that of a polyphonic instrument with its accompaniment."""
    events = melody(frame, instrument, rng)
    if instrument in POLYPHONIC:
        accompaniment = chords(frame, instrument, rng)
        events += [event._replace(velocity=0.7 * event.velocity) for event in accompaniment]
    return events


ROLES: dict[str, Callable[[Frame, str, np.random.RandomState], list[Event]]] = {
    "arp": arp,
    "bass": bass,
    "chords": chords,
    "counter": counter,
    "melody": melody,
    "pad": pad,
    "solo": solo,
}


def closing(role: str, instrument: str, bar: Bar, beat: float, length: float) -> list[Event]:
    """Return the final tonic chord or note of a role."""
    low, high, chord = RANGES[instrument]
    if role == "bass":
        pitches: tuple[int, ...] = (bar.root_pitch(low),)
    elif role in ("chords", "pad") or (role == "solo" and instrument in POLYPHONIC):
        pitches = bar.chord(chord)
    else:
        pitches = (bar.root_pitch((low + high) // 2 - 6),)
    return [Event(beat, length, pitch, 0.85) for pitch in pitches]
