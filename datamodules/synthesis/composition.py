"""Composition of a clip: form, harmony, and every part with onsets in seconds."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from datamodules.common.seeding import rng_for
from datamodules.synthesis.arrangement import ROLES, Event, Frame, closing
from datamodules.synthesis.factors import Factors
from datamodules.synthesis.harmony import Bar, progression
from datamodules.synthesis.rhythm import FILL, GROOVES, HAND_FILL, groove_hits
from datamodules.synthesis.score import Hit, Note, Part, Score

CLIP_SECONDS = 29.124
LATEST_CLOSE = 26.5
# Largest random deviation of an onset in seconds; techno, as from a sequencer, has none.
HUMAN_JITTER = 0.006
ENDINGS: tuple[Literal["cut", "fade", "close"], ...] = ("cut", "cut", "fade", "close")


def compose(factors: Factors, duration: float = CLIP_SECONDS) -> Score:
    """Compose the clip of the given factors.

    Every part has a random stream of its own, so a change to one part does not change the others.

    Args:
        factors: Factors of the clip.
        duration: Duration in seconds; notes that would start later are dropped.
    """
    rng = _stream(factors, "form")
    drums = any(role == "drums" for role, _ in factors.lineup)
    waltz = not drums and factors.style in ("classical", "folk") and rng.random_sample() < 0.3
    meter = 3 if waltz else 4
    start = round(float(rng.uniform(0.02, 0.25)), 3)
    ending = ENDINGS[int(rng.randint(len(ENDINGS)))]
    bar_seconds = meter * 60.0 / factors.tempo_bpm
    if ending == "close":
        count = math.floor((min(LATEST_CLOSE, duration - 2.0) - start) / bar_seconds)
    else:
        count = math.ceil((duration - start) / bar_seconds)
    bars = progression(factors, count, _stream(factors, "harmony"))
    if ending == "close":
        bars = (*bars, Bar(0, bars[0].scale, bars[0].tonic))
    frame = Frame(factors.tempo_bpm, factors.style, meter, bars)
    parts = tuple(
        _part(factors, frame, number, start, ending == "close", duration)
        for number in range(len(factors.lineup))
    )
    return Score(factors, duration, start, ending, parts)


def _stream(factors: Factors, name: str) -> np.random.RandomState:
    return rng_for("synth", factors.seed, factors.index, name)


def _part(
    factors: Factors, frame: Frame, number: int, start: float, closes: bool, duration: float
) -> Part:
    role, instrument = factors.lineup[number]
    rng = _stream(factors, f"part {number}")
    beat_seconds = 60.0 / factors.tempo_bpm
    entry = 0.0
    if number and rng.random_sample() < 0.25:
        # A late entry, short enough that the instrument plays in nearly all of the clip.
        bar_seconds = frame.meter * beat_seconds
        entry = frame.meter * float(min(rng.randint(1, 3), max(1, int(4.0 // bar_seconds))))
    last = float(frame.meter * (len(frame.bars) - 1)) if closes else math.inf
    jitter = 0.0 if factors.style == "techno" else HUMAN_JITTER

    if role == "drums":
        hits = [
            Hit(onset, sound, velocity)
            for beat, sound, velocity in _drums(frame, instrument, last, rng)
            if beat >= entry and (onset := start + beat * beat_seconds) < duration
        ]
        return Part(role, instrument, hits=tuple(sorted(hits)))

    events = [e for e in ROLES[role](frame, instrument, rng) if entry <= e.beat < last]
    if closes:
        events += closing(role, instrument, frame.bars[-1], last, float(frame.meter))
    wander = rng.uniform(-jitter, jitter, size=len(events))
    notes = [
        _note(event, start, beat_seconds, float(shift), factors.tuning_cents)
        for event, shift in zip(events, wander, strict=True)
    ]
    return Part(role, instrument, notes=tuple(sorted(n for n in notes if n.onset < duration)))


def _note(event: Event, start: float, beat_seconds: float, shift: float, cents: float) -> Note:
    return Note(
        onset=max(0.0, start + event.beat * beat_seconds + event.delay + shift),
        duration=event.duration * beat_seconds,
        pitch=event.pitch + cents / 100.0,
        velocity=min(1.0, event.velocity),
    )


def _drums(
    frame: Frame, instrument: str, last: float, rng: np.random.RandomState
) -> list[tuple[float, str, float]]:
    hands = instrument == "percussion"
    grooves = GROOVES["hands" if hands else frame.style]
    groove = grooves[int(rng.randint(len(grooves)))]
    fill = groove | (HAND_FILL if hands else FILL)
    fills = frame.style != "techno"
    strokes: list[tuple[float, str, float]] = []
    for number in range(len(frame.bars)):
        bar = fill if fills and number % 8 == 7 else groove
        beat = float(number * frame.meter)
        strokes += [
            (beat + place, sound, velocity * float(rng.uniform(0.85, 1.0)))
            for place, sound, velocity in groove_hits(bar)
        ]
        if fills and not hands and number % 8 == 0:
            strokes.append((beat, "crash", 0.7))
    strokes = [stroke for stroke in strokes if stroke[0] < last]
    if last < math.inf:
        strokes += (
            [(last, "low_drum", 0.9)] if hands else [(last, "kick", 0.9), (last, "crash", 0.8)]
        )
    return strokes
