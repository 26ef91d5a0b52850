"""Rendered tracks: level, determinism, and differences of the genres that can be measured."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from datamodules.synthesis.genres.catalogue import GenreClip, catalogue
from datamodules.synthesis.genres.clip_source import GenreClipSource
from datamodules.synthesis.genres.recipes import GENRES
from datamodules.synthesis.genres.render import render_track

RATE = 22050
CLIPS: dict[str, GenreClip] = {
    genre: next(c for c in catalogue(0) if c.style == genre and c.arrangement == "full")
    for genre in GENRES
}


@pytest.fixture(scope="module")
def audio() -> dict[str, np.ndarray]:
    """Return the first full arrangement of each genre."""
    return {genre: render_track(clip, RATE) for genre, clip in CLIPS.items()}


def test_tracks_are_unclipped_and_as_loud_as_stated(audio):
    for genre, clip in CLIPS.items():
        assert audio[genre].shape == (10 * RATE,)
        assert audio[genre].dtype == np.float32
        assert np.abs(audio[genre]).max() < 1.0
        level = 10 * np.log10(np.mean(np.square(audio[genre], dtype=np.float64)))
        assert level == pytest.approx(clip.album.level_dbfs, abs=0.01)


def test_a_track_does_not_depend_on_those_rendered_before(audio):
    clip = CLIPS["ambient"]
    again = GenreClipSource(1, 0, clip.index).read(RATE)
    np.testing.assert_array_equal(again, audio["ambient"])


def test_genres_differ_in_onsets_and_bass(audio):
    onsets, bass = {}, {}
    for genre, samples in audio.items():
        hertz, _, spectrum = scipy.signal.stft(samples, RATE, nperseg=1024)
        power = (np.abs(spectrum) ** 2).mean(axis=1)
        bass[genre] = power[hertz < 110].sum() / power.sum()
        loudness = np.log(np.abs(spectrum) / np.abs(spectrum).mean() + 0.1)
        onsets[genre] = np.maximum(0, np.diff(loudness, axis=1)).mean()
    for drummed in ("drum and bass", "jazz", "rock"):
        for calm in ("classical", "folk"):
            assert onsets[drummed] > 1.3 * onsets[calm], (drummed, calm)
    for low in ("drum and bass", "reggae", "techno"):
        for light in ("classical", "folk"):
            assert bass[low] > 4 * bass[light], (low, light)


def test_albums_share_their_room_and_artists_their_tempo():
    tempos: dict[str, list[float]] = {}
    for clip in catalogue(0):
        tempos.setdefault(clip.artist.name, []).append(clip.tempo_bpm)
    spreads = [max(values) / min(values) for values in tempos.values()]
    assert max(spreads) < 1.13
    every = [clip.tempo_bpm for clip in catalogue(0) if clip.style == "rock"]
    assert max(every) / min(every) > 1.5
