from __future__ import annotations

from datamodules.synthesis.arrangement import RANGES
from datamodules.synthesis.composition import CLIP_SECONDS, compose
from datamodules.synthesis.factors import BRIEFS, EXTRAS, KEYS
from datamodules.synthesis.genres.catalogue import parse_lineup
from datamodules.synthesis.genres.recipes import RECIPES
from datamodules.synthesis.harmony import HARMONIC_MINOR, MAJOR, NATURAL_MINOR
from datamodules.synthesis.render import PLAYERS
from tests.support.synthetic_clips import CLIPS


def test_every_scored_instrument_can_be_played_within_its_compass():
    named = {
        pair.split("=")[1] for brief in BRIEFS for text in brief.lineups for pair in text.split()
    }
    named |= {instrument for extras in EXTRAS.values() for _, instrument, _ in extras}
    lineups = [text for recipe in RECIPES.values() for text in recipe.lineups]
    named |= {voice.instrument for text in lineups for voice in parse_lineup(text)[1]}
    assert named == set(PLAYERS) | {"drum_kit", "drum_machine", "percussion"}
    assert set(RANGES) == set(PLAYERS)
    for clip in CLIPS[:120]:
        score = compose(clip)
        assert len(score.parts) == len(clip.lineup)
        scale = MAJOR if clip.mode == "major" else {*NATURAL_MINOR, *HARMONIC_MINOR}
        allowed = {(KEYS.index(clip.key) + step) % 12 for step in scale}
        for part in score.parts:
            assert part.notes or part.hits
            low, high, chord = RANGES.get(part.instrument, (0, 0, 0))
            for note in part.notes:
                written = note.pitch - clip.tuning_cents / 100
                assert min(low, chord - 12) - 0.01 <= written <= max(high, chord + 24) + 0.01
                assert abs(written - round(written)) < 1e-6
                assert round(written) % 12 in allowed, (clip.index, part.instrument)
                assert 0 <= note.onset < CLIP_SECONDS
                assert 0 < note.velocity <= 1
