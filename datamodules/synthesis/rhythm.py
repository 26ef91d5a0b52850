"""Rhythmic patterns in beats: melodic motifs, accompaniment figures and drum grooves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# Rhythms of a melodic bar: (durations in beats, weight in calm music, weight in lively music).
UNITS: tuple[tuple[tuple[float, ...], float, float], ...] = (
    ((1.0,), 3.0, 3.0),
    ((0.5, 0.5), 2.0, 4.0),
    ((2.0,), 2.0, 0.5),
    ((1.5, 0.5), 2.0, 1.5),
    ((0.5, 0.5, 1.0), 0.5, 2.0),
)


class Step(NamedTuple):
    """A note of a motif: onset and duration in beats, scale steps from the anchor of the motif."""

    beat: float
    duration: float
    offset: int


def motif(meter: int, lively: bool, rng: np.random.RandomState) -> tuple[Step, ...]:
    """Draw a motif of one bar of ``meter`` beats."""
    weights = np.array([unit[2 if lively else 1] for unit in UNITS])
    edges = np.cumsum(weights / weights.sum())
    steps: list[Step] = []
    beat, offset = 0.0, int(rng.randint(-1, 3))
    while beat < meter:
        unit = UNITS[int(np.searchsorted(edges, rng.random_sample(), side="right"))][0]
        if beat + sum(unit) > meter:
            unit = (0.5, 0.5) if lively else (1.0,)
        for duration in unit:
            steps.append(Step(beat, duration, offset))
            beat += duration
            # Mostly steps, some thirds, and back towards the anchor when far from it.
            move = (-2, -1, -1, 1, 1, 2, 3)[int(rng.randint(7))]
            offset = offset + move if abs(offset + move) <= 4 else offset - move
    return tuple(steps)


class Stroke(NamedTuple):
    """A chord stroke: onset and duration in beats, indices of chord tones, velocity."""

    beat: float
    duration: float
    tones: tuple[int, ...]
    velocity: float


def figure(kind: str, meter: int) -> tuple[Stroke, ...]:
    """Return one bar of an accompaniment figure.

    Chord tones are numbered from the lowest; 3 is the lowest one an octave higher.
    """
    every = (0, 1, 2)
    eighths = [n / 2 for n in range(2 * meter)]
    if kind == "block":
        return (Stroke(0.0, float(meter), every, 0.8),)
    if kind == "alberti":
        order = (0, 2, 1, 2)
        return tuple(Stroke(b, 0.5, (order[n % 4],), 0.75) for n, b in enumerate(eighths))
    if kind == "arpeggio":
        wave = (0, 1, 2, 3, 2, 1)
        return tuple(Stroke(b, 1.5, (wave[n % 6],), 0.75) for n, b in enumerate(eighths))
    if kind == "pulse":
        return tuple(
            Stroke(float(b), 0.9, every, 0.85 if b % 2 == 0 else 0.7) for b in range(meter)
        )
    if kind == "drive":
        return tuple(
            Stroke(b, 0.45, every, 0.9 if n % 4 == 0 else 0.7) for n, b in enumerate(eighths)
        )
    if kind == "strum":
        beats = (0.0, 1.0, 1.5, 2.5, 3.0, 3.5)[: 6 if meter == 4 else 4]
        return tuple(Stroke(b, 1.0, (0, 1, 2, 3), 0.85 if b == int(b) else 0.6) for b in beats)
    # "stab": on the offbeats, as in dance music.
    return tuple(Stroke(b + 0.5, 0.3, every, 0.8) for b in range(meter))


# Sound -> velocity in tenths at each of the 16 sixteenth notes of a bar; "." is a rest.
GROOVES: dict[str, tuple[dict[str, str], ...]] = {
    "techno": (
        {
            "kick": "9...9...9...9...",
            "clap": "....7.......7...",
            "open_hat": "..6...6...6...6.",
            "hat": "4.3.4.3.4.3.4.35",
        },
        {
            "kick": "9...9...9...9...",
            "clap": "....7.......7..4",
            "open_hat": "..7...7...7...7.",
            "hat": "3333433333334333",
        },
    ),
    "rock": (
        {
            "kick": "9.......9.6.....",
            "snare": "....9.......9...",
            "hat": "6.4.6.4.6.4.6.4.",
        },
        {
            "kick": "9.....7.9.......",
            "snare": "....9.......9.3.",
            "hat": "7.5.7.5.7.5.7.5.",
        },
    ),
    "pop": (
        {
            "kick": "9.....6...8.....",
            "snare": "....8.......8...",
            "hat": "5.4.5.4.5.4.5.44",
        },
        {
            "kick": "9.......9.......",
            "clap": "....8.......8...",
            "hat": "5.4.5.4.5.4.5.4.",
        },
    ),
    # Hand percussion: no kick and no backbeat, so no "beat".
    "hands": (
        {
            "shaker": "5.4.6.4.5.4.6.4.",
            "low_drum": "8.....6.....5...",
            "high_drum": "...5......6..4..",
        },
        {
            "shaker": "4.4.6.4.4.4.6.4.",
            "low_drum": "8.......4..5....",
            "high_drum": "....5.5......5..",
        },
    ),
}
FILL = {"snare": "....9...6.678789", "kick": "9.......9......."}
HAND_FILL = {"high_drum": "6.6.6.6.6.6.7.8.", "low_drum": "8..............."}


def groove_hits(groove: dict[str, str]) -> tuple[tuple[float, str, float], ...]:
    """Return (beat, sound, velocity) of one bar of a groove."""
    return tuple(
        (step / 4, sound, int(mark) / 10)
        for sound, line in groove.items()
        for step, mark in enumerate(line)
        if mark != "."
    )
