"""Factors of each clip: split, style, line-up, tempo, key, level and reverberation.

Every split needs positives and negatives of each tag, so the factors that decide tags are balanced:
within a split, each round of 20 clips uses every row of ``BRIEFS`` once, in an order drawn from the
seed, and each loudness class a fixed number of times. The other factors (tempo within its class,
key, tuning, level within its class, reverberation, extra instruments) are drawn for each clip.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from datamodules.common.seeding import rng_for

Mode = Literal["major", "minor"]

# One period of 18 clips: 10 train (T), 3 valid (V), 5 test (E), as in 200 / 60 / 100.
SPLIT_PATTERN = "TTETVTTETTVETTETVE"
SPLITS = {"T": "train", "V": "valid", "E": "test"}

KEYS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

# Ranges of the draws. The gaps between the classes make the tags exact and audible.
TEMPO_BPM = {"slow": (52.0, 76.0), "mid": (90.0, 130.0), "fast": (144.0, 178.0)}
LEVEL_DBFS = {"quiet": (-40.0, -30.0), "mid": (-25.0, -19.0), "loud": (-15.0, -11.0)}
LOUDNESS_DECK = ("quiet",) * 7 + ("mid",) * 7 + ("loud",) * 6
REVERB_S = {
    "ambient": (2.2, 4.5),
    "classical": (0.9, 2.6),
    "folk": (0.4, 1.2),
    "pop": (0.4, 1.4),
    "rock": (0.3, 1.0),
    "techno": (0.3, 1.2),
}
TUNING_CENTS = 40.0

Lineup = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Brief:
    """One kind of piece.

    Attributes:
        style: Key of ``REVERB_S``.
        tempos: Tempo classes, taken in turn round after round.
        lineups: ``role=instrument`` lists, taken in turn round after round.
    """

    style: str
    tempos: tuple[str, ...]
    lineups: tuple[str, ...]


BRIEFS = (
    Brief("classical", ("fast", "mid"), ("solo=harpsichord",)),
    Brief("classical", ("slow", "fast"), ("solo=violin", "solo=flute", "solo=organ")),
    Brief("classical", ("slow", "fast", "mid"), ("solo=piano",)),
    Brief("folk", ("mid", "slow", "fast"), ("solo=guitar", "solo=voice")),
    Brief("classical", ("slow", "fast"), ("melody=violin chords=strings",)),
    Brief("classical", ("fast", "mid"), ("melody=flute chords=harpsichord",)),
    Brief("classical", ("mid", "fast", "slow"), ("melody=violin chords=harpsichord",)),
    Brief("classical", ("slow", "mid"), ("pad=choir chords=organ", "pad=choir melody=organ")),
    Brief(
        "classical",
        ("slow", "slow", "fast"),
        ("melody=flute chords=piano", "melody=piano pad=strings", "melody=violin chords=piano"),
    ),
    Brief("ambient", ("slow",), ("melody=flute pad=synth_pad",)),
    Brief("ambient", ("slow", "mid"), ("melody=fm_piano pad=choir pad=synth_pad",)),
    Brief("ambient", ("slow",), ("melody=piano pad=strings", "melody=piano pad=organ")),
    Brief("techno", ("fast",), ("arp=synth_lead bass=synth_bass drums=drum_machine",)),
    Brief(
        "techno",
        ("fast", "mid"),
        ("arp=synth_lead chords=organ bass=synth_bass drums=drum_machine",),
    ),
    Brief("techno", ("mid",), ("arp=synth_lead pad=choir bass=synth_bass drums=drum_machine",)),
    Brief(
        "rock",
        ("fast",),
        (
            "chords=electric_guitar melody=organ bass=bass drums=drum_kit",
            "chords=electric_guitar melody=electric_guitar bass=bass drums=drum_kit",
        ),
    ),
    Brief(
        "rock", ("mid", "fast"), ("chords=electric_guitar melody=voice bass=bass drums=drum_kit",)
    ),
    Brief("rock", ("slow",), ("chords=electric_guitar melody=voice bass=bass drums=drum_kit",)),
    Brief("pop", ("mid",), ("chords=piano melody=voice bass=bass drums=drum_kit",)),
    Brief(
        "folk",
        ("fast", "slow", "mid"),
        (
            "chords=guitar melody=voice drums=percussion",
            "chords=guitar melody=flute drums=percussion",
            "chords=guitar melody=violin drums=percussion",
        ),
    ),
)

# Extra instruments, which make style and instruments less dependent: style -> (role, instrument,
# probability). A solo has none.
EXTRAS: dict[str, tuple[tuple[str, str, float], ...]] = {
    "classical": (("pad", "strings", 0.25), ("counter", "flute", 0.15)),
    "ambient": (
        ("pad", "synth_pad", 0.3),
        ("pad", "strings", 0.2),
        ("counter", "voice", 0.15),
        ("drums", "percussion", 0.3),
    ),
    "techno": (
        ("pad", "synth_pad", 0.4),
        ("chords", "fm_piano", 0.25),
        ("chords", "piano", 0.2),
        ("counter", "flute", 0.1),
    ),
    "rock": (
        ("pad", "organ", 0.25),
        ("chords", "piano", 0.2),
        ("pad", "strings", 0.15),
        ("counter", "synth_lead", 0.15),
    ),
    "pop": (
        ("chords", "guitar", 0.4),
        ("pad", "strings", 0.3),
        ("pad", "choir", 0.2),
        ("pad", "synth_pad", 0.3),
        ("counter", "flute", 0.2),
    ),
    "folk": (("bass", "bass", 0.4), ("counter", "violin", 0.2), ("pad", "organ", 0.15)),
}


@dataclass(frozen=True)
class Factors:
    """The drawn factors of one clip.

    Attributes:
        seed: Seed of the corpus.
        index: Index of the clip, from 0.
        split: ``"train"``, ``"valid"`` or ``"test"``.
        style: Key of ``REVERB_S``.
        tempo_bpm: Quarter notes per minute.
        key: Tonic, one of ``KEYS``.
        mode: ``"major"`` or ``"minor"``.
        tuning_cents: Deviation of the whole clip from A4 = 440 Hz, in cents.
        lineup: Pairs of role and instrument, in playing order.
        level_dbfs: RMS of the whole clip in dBFS; 0 is a full-scale square wave.
        reverb_s: Reverberation time (RT60) in seconds.
    """

    seed: int
    index: int
    split: str
    style: str
    tempo_bpm: float
    key: str
    mode: Mode
    tuning_cents: float
    lineup: Lineup
    level_dbfs: float
    reverb_s: float

    @property
    def instruments(self) -> tuple[str, ...]:
        """Distinct instruments in alphabetical order."""
        return tuple(sorted({instrument for _, instrument in self.lineup}))


def track_name(index: int) -> str:
    """Return the track id of a clip."""
    return f"synth-{index:06d}"


def split_of(index: int) -> str:
    """Return the split of a clip, which depends on its index alone."""
    return SPLITS[SPLIT_PATTERN[index % len(SPLIT_PATTERN)]]


def rank_in_split(index: int) -> int:
    """Return the number of clips of the same split with a smaller index."""
    period, place = divmod(index, len(SPLIT_PATTERN))
    letter = SPLIT_PATTERN[place]
    return period * SPLIT_PATTERN.count(letter) + SPLIT_PATTERN[:place].count(letter)


@lru_cache(maxsize=64)
def _assign_round(seed: int, split: str, round_: int) -> tuple[tuple[int, str], ...]:
    """Assign (row of ``BRIEFS``, loudness class) to the clips of one round of a split."""
    rng = rng_for("synth", seed, split, round_, "deal")
    rows = rng.permutation(len(BRIEFS))
    loudness = rng.permutation(np.array(LOUDNESS_DECK))
    return tuple((int(row), str(level)) for row, level in zip(rows, loudness, strict=True))


def _lineup(brief: Brief, round_: int, rng: np.random.RandomState) -> Lineup:
    text = brief.lineups[round_ % len(brief.lineups)]
    core = [(role, name) for role, _, name in (pair.partition("=") for pair in text.split())]
    if core[0][0] == "solo":
        return tuple(core)
    present = {name for _, name in core}
    extra = [
        (role, name)
        for (role, name, chance), draw in zip(
            EXTRAS[brief.style], rng.random_sample(len(EXTRAS[brief.style])), strict=True
        )
        if draw < chance and name not in present
    ]
    # At most two: a denser mixture masks the instruments that the tags name.
    return tuple(core + extra[:2])


def _uniform(rng: np.random.RandomState, bounds: tuple[float, float], digits: int) -> float:
    # Rounded, so that the manifest has exactly the rendered values.
    return round(float(rng.uniform(*bounds)), digits)


def factors_for(seed: int, index: int) -> Factors:
    """Draw the factors of a clip.

    Args:
        seed: Seed of the corpus.
        index: Index of the clip, from 0.
    """
    split = split_of(index)
    round_, place = divmod(rank_in_split(index), len(BRIEFS))
    row, loudness = _assign_round(seed, split, round_)[place]
    brief = BRIEFS[row]
    rng = rng_for("synth", seed, index, "factors")
    return Factors(
        seed=seed,
        index=index,
        split=split,
        style=brief.style,
        tempo_bpm=_uniform(rng, TEMPO_BPM[brief.tempos[round_ % len(brief.tempos)]], 2),
        key=KEYS[int(rng.randint(len(KEYS)))],
        mode="minor" if rng.random_sample() < 0.5 else "major",
        tuning_cents=_uniform(rng, (-TUNING_CENTS, TUNING_CENTS), 1),
        level_dbfs=_uniform(rng, LEVEL_DBFS[loudness], 2),
        reverb_s=_uniform(rng, REVERB_S[brief.style], 2),
        lineup=_lineup(brief, round_, rng),
    )
