"""Rendering of a track of the genre corpus: from seed and index to samples."""

from __future__ import annotations

import numpy as np

from datamodules.common.seeding import rng_for
from datamodules.synthesis.genres.catalogue import CLIP_SECONDS, NAME, GenreClip, catalogue
from datamodules.synthesis.genres.composition import compose
from datamodules.synthesis.mixing import (
    active_rms,
    decibels,
    fade,
    impulse_response,
    reverberate,
    set_level,
)
from datamodules.synthesis.oscillators import Audio, Curve, shape_spectrum
from datamodules.synthesis.render import HISS_DB, ROLE_GAIN_DB, render_part

# Deviation of the gain of a role from the usual one, of an artist and of a track, in dB.
ARTIST_GAIN_DB, TRACK_GAIN_DB = 3.0, 1.5
TILT_CENTRE_HZ = 800.0


def render_track(clip: GenreClip, sample_rate: int) -> Audio:
    """Render the parts of a track, mix them, and add the room and mastering of the album.

    The sounds of an instrument are those of the artist, so they are the same in all of its tracks.

    Args:
        clip: Factors of the track.
        sample_rate: Sample rate in Hz.

    Returns:
        Mono float32 of 10 s with peaks below 1.
    """
    samples = round(CLIP_SECONDS * sample_rate)
    mix: Audio = np.zeros(samples, np.float32)
    rng = rng_for(NAME, clip.seed, clip.index, "mix")
    for part in compose(clip):
        sound = rng_for(NAME, clip.seed, clip.artist.name, "sound", part.role, part.instrument)
        gain_db = ROLE_GAIN_DB[part.role] + sound.uniform(-ARTIST_GAIN_DB, ARTIST_GAIN_DB)
        gain_db += rng.uniform(-TRACK_GAIN_DB, TRACK_GAIN_DB)
        stem = render_part(part, samples, sample_rate, sound)
        mix += np.float32(decibels(gain_db) / active_rms(stem, sample_rate)) * stem
    album = clip.album
    room = impulse_response(
        album.reverb_s, sample_rate, rng_for(NAME, clip.seed, album.name, "room")
    )
    mix = reverberate(mix, room, album.wet)

    def tilt(hertz: Curve) -> Curve:
        octaves = np.log2(np.clip(hertz, 50.0, 12800.0) / TILT_CENTRE_HZ)
        return 10.0 ** (album.tilt_db * octaves / 20.0)

    mix = fade(shape_spectrum([mix], [tilt], sample_rate), 0.005, sample_rate)
    hiss = decibels(float(rng.uniform(*HISS_DB))) * (2.0 * rng.random_sample(samples) - 1.0)
    mix += hiss.astype(np.float32)
    return set_level(mix, album.level_dbfs, sample_rate)


def render_genre_clip(seed: int, index: int, sample_rate: int) -> Audio:
    """Render one track of the corpus; the result does not depend on other tracks.

    Args:
        seed: Seed of the corpus.
        index: Index of the track, from 0.
        sample_rate: Sample rate in Hz.
    """
    return render_track(catalogue(seed)[index], sample_rate)
