"""Scales, chord progressions and voicings."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from datamodules.synthesis.factors import KEYS, Factors

MAJOR = (0, 2, 4, 5, 7, 9, 11)
NATURAL_MINOR = (0, 2, 3, 5, 7, 8, 10)
HARMONIC_MINOR = (0, 2, 3, 5, 7, 8, 11)

# Scale degrees from 0, one chord per bar.
PROGRESSIONS: dict[str, tuple[tuple[int, ...], ...]] = {
    "classical": (
        (0, 3, 4, 0),
        (0, 5, 3, 4),
        (0, 1, 4, 0),
        (0, 4, 5, 2, 3, 0, 3, 4),
        (0, 5, 1, 4),
    ),
    "ambient": ((0, 5), (0, 3), (0, 2, 5, 3), (0, 5, 2, 4)),
    "techno": ((0, 5), (0, 0, 5, 3), (0, 3), (5, 3, 0, 0)),
    "rock": ((0, 3, 4, 3), (0, 5, 3, 4), (0, 4, 5, 3), (0, 0, 3, 4)),
    "pop": ((0, 4, 5, 3), (5, 3, 0, 4), (0, 5, 1, 4), (0, 2, 3, 4)),
    "folk": ((0, 3, 0, 4), (0, 4, 0, 3), (0, 5, 3, 4), (0, 0, 3, 4)),
}


class Bar(NamedTuple):
    """One bar of harmony.

    Attributes:
        root: Scale degree of the chord, from 0.
        scale: Semitones of the seven degrees above the tonic.
        tonic: MIDI pitch of the tonic below middle C.
    """

    root: int
    scale: tuple[int, ...]
    tonic: int

    def pitch(self, degree: int) -> int:
        """Return the MIDI pitch of a scale degree; degree 7 is the tonic an octave higher."""
        return self.tonic + self.scale[degree % 7] + 12 * (degree // 7)

    def chord(self, low: int) -> tuple[int, int, int]:
        """Return the triad within the octave that starts at MIDI pitch ``low``, lowest first.

        With a fixed octave, consecutive chords move by small steps, whatever their roots.
        """
        tones = sorted(low + (self.pitch(self.root + third) - low) % 12 for third in (0, 2, 4))
        return tones[0], tones[1], tones[2]

    def root_pitch(self, low: int) -> int:
        """Return the root of the chord within the octave that starts at MIDI pitch ``low``."""
        return low + (self.pitch(self.root) - low) % 12

    def nearest_chord_degree(self, degree: int) -> int:
        """Return the scale degree of the chord tone nearest to ``degree``."""
        tones = [self.root + third + 7 * octave for octave in range(-2, 5) for third in (0, 2, 4)]
        return min(tones, key=lambda tone: (abs(tone - degree), tone))


def progression(factors: Factors, bars: int, rng: np.random.RandomState) -> tuple[Bar, ...]:
    """Return ``bars`` bars of harmony in the key and style of the clip."""
    options = PROGRESSIONS[factors.style]
    degrees = options[int(rng.randint(len(options)))]
    tonic = 48 + KEYS.index(factors.key)
    written = []
    for number in range(bars):
        root = degrees[number % len(degrees)]
        scale = MAJOR
        if factors.mode == "minor":
            # In classical style, the dominant of a minor key has a raised leading note.
            dominant = root == 4 and factors.style == "classical"
            scale = HARMONIC_MINOR if dominant else NATURAL_MINOR
        written.append(Bar(root, scale, tonic))
    return tuple(written)
