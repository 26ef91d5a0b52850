"""Data types of composed music: notes, percussion hits, parts and scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from datamodules.synthesis.factors import Factors


class Note(NamedTuple):
    """One note: onset and duration in seconds, pitch in MIDI semitones, velocity in (0, 1]."""

    onset: float
    duration: float
    pitch: float
    velocity: float

    @property
    def hertz(self) -> float:
        """Fundamental frequency, with MIDI pitch 69 at 440 Hz."""
        return float(440.0 * 2.0 ** ((self.pitch - 69.0) / 12.0))


class Hit(NamedTuple):
    """One stroke of a percussion sound: onset in seconds, velocity in (0, 1]."""

    onset: float
    sound: str
    velocity: float


@dataclass(frozen=True)
class Part:
    """Notes or hits of one instrument in one role, in order of onset; only drums have hits."""

    role: str
    instrument: str
    notes: tuple[Note, ...] = ()
    hits: tuple[Hit, ...] = ()


@dataclass(frozen=True)
class Score:
    """The composition of a clip.

    Attributes:
        factors: Factors of the clip.
        duration: Duration in seconds.
        start: Onset of the first bar in seconds.
        ending: ``cut`` stops abruptly, ``fade`` fades out, ``close`` ends on the tonic.
        parts: The parts, in the order of the line-up.
    """

    factors: Factors
    duration: float
    start: float
    ending: Literal["cut", "fade", "close"]
    parts: tuple[Part, ...]
