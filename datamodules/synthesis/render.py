"""Rendering of a clip: from seed and index to samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from datamodules.common.seeding import rng_for
from datamodules.synthesis import plucked_and_struck, sustained, synth_basses, winds
from datamodules.synthesis.composition import compose
from datamodules.synthesis.factors import factors_for
from datamodules.synthesis.mixing import (
    active_rms,
    decibels,
    fade,
    impulse_response,
    reverberate,
    set_level,
)
from datamodules.synthesis.oscillators import Audio
from datamodules.synthesis.percussion import drums
from datamodules.synthesis.score import Note, Part, Score

Player = Callable[[Sequence[Note], int, int, np.random.RandomState], Audio]
PLAYERS: dict[str, Player] = {
    player.__name__: player
    for player in (
        plucked_and_struck.bass,
        plucked_and_struck.clean_guitar,
        plucked_and_struck.electric_guitar,
        plucked_and_struck.fm_piano,
        plucked_and_struck.guitar,
        plucked_and_struck.harpsichord,
        plucked_and_struck.piano,
        plucked_and_struck.synth_bass,
        plucked_and_struck.upright_bass,
        sustained.cello,
        sustained.choir,
        sustained.flute,
        sustained.organ,
        sustained.strings,
        sustained.synth_lead,
        sustained.synth_pad,
        sustained.violin,
        sustained.voice,
        synth_basses.reese_bass,
        winds.saxophone,
        winds.trumpet,
    )
}
# Gain in dB by role and its random deviation, so that every tagged instrument is audible.
ROLE_GAIN_DB = {
    "arp": -2.0,
    "bass": -4.0,
    "chords": -3.0,
    "counter": -3.0,
    "drums": -2.0,
    "melody": 0.0,
    "pad": -4.0,
    "solo": 0.0,
}
GAIN_SPREAD_DB = 2.5
# Ratio of reverberant to direct amplitude, by style.
WET = {"ambient": (0.35, 0.7), "classical": (0.2, 0.5)}
WET_OTHERWISE = (0.08, 0.25)
# Level of the background noise relative to the music, in dB.
HISS_DB = (-70.0, -55.0)


def render_part(part: Part, samples: int, sample_rate: int, rng: np.random.RandomState) -> Audio:
    """Render one part without reverberation, at the level of the instrument.

    Args:
        part: The part.
        samples: Number of samples of the clip.
        sample_rate: Sample rate in Hz.
        rng: Random stream of the part.

    Returns:
        Mono float32 of shape (samples,).
    """
    if part.hits:
        return drums(part.hits, samples, sample_rate, rng, part.instrument == "drum_machine")
    return PLAYERS[part.instrument](part.notes, samples, sample_rate, rng)


def render_score(score: Score, sample_rate: int) -> Audio:
    """Render the parts of a score, mix them, add reverberation, and set the level.

    Args:
        score: The score.
        sample_rate: Sample rate in Hz.

    Returns:
        Mono float32 of shape (samples,) and the duration of the score, with peaks below 1.
    """
    factors = score.factors
    samples = round(score.duration * sample_rate)
    mix: Audio = np.zeros(samples, np.float32)
    for number, part in enumerate(score.parts):
        rng = rng_for("synth", factors.seed, factors.index, f"sound {number}")
        stem = render_part(part, samples, sample_rate, rng)
        gain_db = ROLE_GAIN_DB[part.role] + rng.uniform(-GAIN_SPREAD_DB, GAIN_SPREAD_DB)
        mix += np.float32(decibels(gain_db) / active_rms(stem, sample_rate)) * stem
    rng = rng_for("synth", factors.seed, factors.index, "room")
    wet = float(rng.uniform(*WET.get(factors.style, WET_OTHERWISE)))
    mix = reverberate(mix, impulse_response(factors.reverb_s, sample_rate, rng), wet)
    fade(mix, float(rng.uniform(2.0, 5.0)) if score.ending == "fade" else 0.005, sample_rate)
    hiss = decibels(float(rng.uniform(*HISS_DB))) * (2.0 * rng.random_sample(samples) - 1.0)
    mix += hiss.astype(np.float32)
    return set_level(mix, factors.level_dbfs, sample_rate)


def render_clip(seed: int, index: int, sample_rate: int = 16000) -> Audio:
    """Render one clip of the corpus; the result does not depend on other clips.

    Args:
        seed: Seed of the corpus.
        index: Index of the clip, from 0.
        sample_rate: Sample rate in Hz.

    Returns:
        Mono float32 of 29.124 s with peaks below 1, of shape (465984,) at 16 kHz.
    """
    return render_score(compose(factors_for(seed, index)), sample_rate)
