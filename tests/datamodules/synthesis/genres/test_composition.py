"""Notes of the genres: their compass, their scale and their swing."""

from __future__ import annotations

import numpy as np
import pytest

from datamodules.common.seeding import rng_for
from datamodules.synthesis.arrangement import RANGES
from datamodules.synthesis.factors import KEYS
from datamodules.synthesis.genres.catalogue import CLIP_SECONDS, NAME, GenreClip, catalogue
from datamodules.synthesis.genres.composition import compose
from datamodules.synthesis.genres.recipes import SCALES


def offbeats(clip: GenreClip) -> list[float]:
    """Return the places within a beat of the percussion that is near a second eighth note."""
    start = round(float(rng_for(NAME, clip.seed, clip.index, "form").uniform(0.02, 0.25)), 3)
    hits = [hit for part in compose(clip) for hit in part.hits if hit.sound in ("ride", "open_hat")]
    places = [(hit.onset - start) * clip.tempo_bpm / 60 % 1 for hit in hits]
    return [place for place in places if 0.4 < place < 0.75]


def test_every_part_is_within_its_compass_and_its_scale():
    for clip in catalogue(0)[::3]:
        scales = {chord[0] for chord in clip.progression.split()}
        tones = {(KEYS.index(clip.key) + step) % 12 for name in scales for step in SCALES[name]}
        for voice, part in zip(clip.lineup, compose(clip), strict=True):
            assert part.notes or part.hits, (clip.index, voice)
            assert all(0 <= hit.onset < CLIP_SECONDS for hit in part.hits)
            written = [note.pitch - clip.artist.tuning_cents / 100 for note in part.notes]
            for note, pitch in zip(part.notes, written, strict=True):
                low, high, chord = RANGES[part.instrument]
                assert min(low, chord) - 12.01 <= pitch <= max(high, chord + 24) + 0.01
                assert abs(pitch - round(pitch)) < 1e-6
                assert 0 <= note.onset < CLIP_SECONDS
            if voice.role in ("melody", "counter", "pad"):
                assert {round(pitch) % 12 for pitch in written} <= tones


@pytest.mark.parametrize(("genre", "low", "high"), [("jazz", 0.58, 0.7), ("techno", 0.48, 0.55)])
def test_second_eighth_notes_are_as_late_as_the_artist_plays_them(genre, low, high):
    measured = [(np.median(late), clip) for clip in catalogue(0)
                if clip.style == genre and len(late := offbeats(clip)) > 4]  # fmt: skip
    assert len(measured) >= 8
    for place, clip in measured:
        assert low < place < high
        assert place == pytest.approx(clip.artist.swing, abs=0.05)
