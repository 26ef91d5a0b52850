"""Composition of a track of a genre: harmony, and every part with onsets in seconds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np

from datamodules.common.seeding import rng_for
from datamodules.synthesis.arrangement import RANGES, ROLES, Event, Frame
from datamodules.synthesis.factors import KEYS
from datamodules.synthesis.genres.catalogue import CLIP_SECONDS, NAME, GenreClip, Voice
from datamodules.synthesis.genres.patterns import BASSES, COMPS, FILLS, GROOVES, Comp
from datamodules.synthesis.genres.recipes import RECIPES, SCALES
from datamodules.synthesis.harmony import Bar
from datamodules.synthesis.rhythm import groove_hits
from datamodules.synthesis.score import Hit, Note, Part

# Share of the tracks in which an artist plays the favourite variant of a pattern.
FAVOURITE = 0.7
SHORTEST_NOTE = 0.08

Variant = TypeVar("Variant")


def compose(clip: GenreClip) -> tuple[Part, ...]:
    """Compose a track; every part has a random stream of its own.

    Args:
        clip: Factors of the track.
    """
    rng = rng_for(NAME, clip.seed, clip.index, "form")
    start = round(float(rng.uniform(0.02, 0.25)), 3)
    bars = math.ceil((CLIP_SECONDS - start) * clip.tempo_bpm / 60.0 / clip.meter)
    bar_harmony = harmony(clip, bars + 1, int(rng.randint(8)))
    frame = Frame(clip.tempo_bpm, clip.style, clip.meter, bar_harmony)
    seconds = _clock(clip, start, float(rng.random_sample()))
    return tuple(
        _part(clip, frame, number, voice, seconds) for number, voice in enumerate(clip.lineup)
    )


def harmony(clip: GenreClip, count: int, first: int) -> tuple[Bar, ...]:
    """Return ``count`` bars of the progression, from its bar ``first`` onwards."""
    chords = clip.progression.split()
    tonic = 48 + KEYS.index(clip.key)
    cycle = [Bar(int(chord[1:]), SCALES[chord[0]], tonic) for chord in chords]
    return tuple(cycle[(first + number) % len(cycle)] for number in range(count))


def _clock(clip: GenreClip, start: float, phase: float) -> Callable[[float], float]:
    """Return the map from beats to seconds: swing within a beat, and rubato over two bars."""
    beat_seconds, swing = 60.0 / clip.tempo_bpm, clip.artist.swing
    depth, period = RECIPES[clip.style].rubato_s, 2.0 * clip.meter

    def seconds(beat: float) -> float:
        whole = math.floor(beat)
        place = beat - whole
        place = place * 2 * swing if place < 0.5 else swing + (2 * place - 1) * (1 - swing)
        slow = math.sin(2 * math.pi * (beat / period + phase)) - math.sin(2 * math.pi * phase)
        return max(0.0, start + (whole + place) * beat_seconds + depth * slow)

    return seconds


def _part(
    clip: GenreClip, frame: Frame, number: int, voice: Voice, seconds: Callable[[float], float]
) -> Part:
    rng = rng_for(NAME, clip.seed, clip.index, f"part {number}")
    jitter = RECIPES[clip.style].jitter_s
    if voice.role == "drums":
        hits = []
        for beat, sound, velocity in _drums(clip, frame, voice, rng):
            onset = max(0.0, seconds(beat) + jitter * float(rng.uniform(-0.5, 0.5)))
            if onset < CLIP_SECONDS:
                hits.append(Hit(onset, sound, velocity))
        return Part(voice.role, voice.instrument, hits=tuple(sorted(hits)))
    notes = []
    cents = clip.artist.tuning_cents / 100.0
    for event in _events(clip, frame, voice, rng):
        shift = event.delay + jitter * float(rng.uniform(-1, 1))
        onset, end = max(0.0, seconds(event.beat) + shift), seconds(event.beat + event.duration)
        duration = max(SHORTEST_NOTE, end + shift - onset)
        if onset < CLIP_SECONDS:
            notes.append(Note(onset, duration, event.pitch + cents, min(1.0, event.velocity)))
    return Part(voice.role, voice.instrument, notes=tuple(sorted(notes)))


def _favourite(
    clip: GenreClip, voice: Voice, variants: Sequence[Variant], rng: np.random.RandomState
) -> Variant:
    """Return the variant that the artist prefers, or sometimes any other one."""
    taste = rng_for(NAME, clip.seed, clip.artist.name, "taste", voice.role, voice.pattern)
    place = int(taste.randint(len(variants)))
    if rng.random_sample() >= FAVOURITE:
        place = int(rng.randint(len(variants)))
    return variants[place]


def _events(clip: GenreClip, frame: Frame, voice: Voice, rng: np.random.RandomState) -> list[Event]:
    if voice.role == "bass":
        if voice.pattern == "walking":
            return walking_bass(frame, RANGES[voice.instrument].low, rng)
        line = _favourite(clip, voice, BASSES[voice.pattern], rng)
        return bass_line(frame, RANGES[voice.instrument].low, line)
    if voice.pattern:
        comp = _favourite(clip, voice, COMPS[voice.pattern], rng)
        return comping(frame, RANGES[voice.instrument].chord, comp, rng)
    return ROLES[voice.role](frame, voice.instrument, rng)


def _drums(
    clip: GenreClip, frame: Frame, voice: Voice, rng: np.random.RandomState
) -> list[tuple[float, str, float]]:
    groove = _favourite(clip, voice, GROOVES[voice.pattern], rng)
    fill = groove | FILLS.get(voice.pattern, {})
    last = int(rng.randint(4))  # bars of a phrase that were before the clip
    strokes = []
    for number in range(len(frame.bars)):
        bar = fill if (number + last) % 4 == 3 and rng.random_sample() < 0.5 else groove
        for beat, sound, velocity in groove_hits(bar):
            # Soft strokes are varied from bar to bar.
            if velocity > 0.5 or rng.random_sample() < 0.85:
                accent = velocity * float(rng.uniform(0.85, 1.0))
                strokes.append((number * frame.meter + beat, sound, accent))
    return strokes


def comping(frame: Frame, low: int, comp: Comp, rng: np.random.RandomState) -> list[Event]:
    """Return chords, or broken chords, in a rhythm.

    Args:
        frame: Meter and harmony.
        low: Lowest MIDI pitch.
        comp: Rhythm and voicing.
        rng: Draws the order of broken chords.
    """
    order = [int(place) for place in rng.randint(0, 4, size=8)]
    events = []
    for number, bar in enumerate(frame.bars):
        tones = voicing(bar, low, comp)
        for beat, _, velocity in groove_hits({"chord": comp.marks}):
            place = number * frame.meter + beat
            if comp.voicing == "single":
                tone = tones[order[round(4 * beat) // 2 % 8]]
                events.append(Event(place, comp.gate, tone, velocity))
                continue
            for rank, tone in enumerate(tones):
                events.append(Event(place, comp.gate, tone, velocity, rank * comp.spread))
    return events


def voicing(bar: Bar, low: int, comp: Comp) -> tuple[int, ...]:
    """Return the MIDI pitches of the chord of a bar, in the octave from ``low`` upwards."""
    if comp.voicing == "power":
        root = bar.root_pitch(low)
        return (root, root + 7, root + 12)
    if comp.voicing == "seventh":
        thirds = (bar.pitch(bar.root + step) for step in (2, 4, 6, 8))
        return tuple(sorted(low + (pitch - low) % 12 for pitch in thirds))
    chord = bar.chord(low)
    return (*chord, chord[0] + 12)


def bass_line(frame: Frame, low: int, line: str) -> list[Event]:
    """Return a bass line from a pattern of `datamodules.synthesis.genres.patterns.BASSES`."""
    events = []
    edges = [place for place, mark in enumerate(line) if mark != "-"] + [len(line)]
    for number, (bar, following) in enumerate(pairwise((*frame.bars, frame.bars[0]))):
        root = bar.root_pitch(low)
        tones = {
            "r": root,
            "t": low + (bar.pitch(bar.root + 2) - low) % 12,
            "f": low + (bar.pitch(bar.root + 4) - low) % 12,
            "o": root + 12,
            "a": following.root_pitch(low) - 1,
        }
        for begin, end in pairwise(edges):
            if line[begin] != ".":
                beat = number * frame.meter + begin / 4
                accent = 0.9 if begin % 8 == 0 else 0.8
                events.append(Event(beat, 0.23 * (end - begin), tones[line[begin]], accent))
    return events


def walking_bass(frame: Frame, low: int, rng: np.random.RandomState) -> list[Event]:
    """Return a bass line in quarter notes: root, two chord or scale tones, approach to the next."""
    events = []
    for number, (bar, following) in enumerate(pairwise((*frame.bars, frame.bars[0]))):
        goal = following.root_pitch(low)
        steps = ((2, 4), (1, 2), (4, 2), (2, 5))[int(rng.randint(4))]
        tones = [bar.root_pitch(low)]
        tones += [low + (bar.pitch(bar.root + step) - low) % 14 for step in steps]
        tones.append(goal + (-1, 1, -2, 7)[int(rng.randint(4))])
        for place, tone in enumerate(tones):
            events.append(Event(number * frame.meter + place, 0.92, tone, 0.85))
        if rng.random_sample() < 0.25:
            events.append(Event(number * frame.meter + 2.5, 0.4, tones[2], 0.6))
    return events
