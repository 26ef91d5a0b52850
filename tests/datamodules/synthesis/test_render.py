"""Rendered clips have the level, the pitches and the tempo that are stated."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import scipy.signal

from datamodules.common.seeding import rng_for
from datamodules.synthesis.arrangement import RANGES
from datamodules.synthesis.composition import compose
from datamodules.synthesis.factors import Factors
from datamodules.synthesis.render import PLAYERS, render_clip, render_part
from datamodules.synthesis.score import Note, Part
from tests.support.synthetic_clips import CLIPS, RATE, SAMPLES


def first(style: str, *instruments: str) -> Factors:
    """Return the first clip of a style that these instruments play alone."""
    return next(
        clip for clip in CLIPS if clip.style == style and clip.instruments == tuple(instruments)
    )


def cents_off(audio: np.ndarray, hertz: float) -> float:
    """Return how far the strongest peak within 80 cents of ``hertz`` lies from it, in cents."""
    size = 1 << 18
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), size))
    low, high = (int(hertz * 2 ** (c / 1200) * size / RATE) for c in (-80, 80))
    peak = low + int(np.argmax(spectrum[low : high + 1]))
    a, b, c = np.log(spectrum[peak - 1 : peak + 2])
    exact = peak + 0.5 * (a - c) / (a - 2 * b + c)
    return float(1200 * np.log2(exact * RATE / size / hertz))


def mean_cents_off(audio: np.ndarray, hertz: float) -> float:
    """Return how far the mean frequency of the partial at ``hertz`` lies from it, in cents.

    The centre of gravity of the power within 2 semitones: the mean of a vibrato, or of several
    players.
    """
    power = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2
    grid = np.fft.rfftfreq(len(audio), 1 / RATE)
    band = np.abs(12 * np.log2((grid + 1e-9) / hertz)) < 2
    return float(1200 * np.log2(np.average(grid[band], weights=power[band]) / hertz))


@pytest.fixture(scope="module")
def techno() -> tuple[Factors, np.ndarray]:
    """Return the first techno clip at a medium tempo, with its audio."""
    factors = next(clip for clip in CLIPS if clip.style == "techno" and clip.tempo_bpm < 140)
    return factors, render_clip(0, factors.index)


def test_clips_are_finite_unclipped_and_exactly_as_long_and_loud_as_stated(techno):
    rendered = {techno[0].index: techno[1]}
    for clip in (first("classical", "harpsichord"), *CLIPS[3:6]):
        rendered[clip.index] = render_clip(0, clip.index)
    for index, audio in rendered.items():
        assert audio.shape == (SAMPLES,)
        assert audio.dtype == np.float32
        assert np.isfinite(audio).all()
        assert np.abs(audio).max() < 1.0
        level = 20 * np.log10(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))
        assert level == pytest.approx(CLIPS[index].level_dbfs, abs=0.01)
    digests = {hashlib.sha256(audio.tobytes()).digest() for audio in rendered.values()}
    assert len(digests) == len(rendered)


@pytest.mark.parametrize(
    ("style", "instrument"),
    [("classical", "flute"), ("classical", "violin"), ("classical", "harpsichord")],
)
def test_a_solo_sounds_at_the_written_pitches(style, instrument):
    factors = first(style, instrument)
    score = compose(factors)
    audio = render_clip(0, factors.index)
    notes = score.parts[0].notes
    top = {}  # the highest note at each moment: the melody
    for note in notes:
        top[round(note.onset, 1)] = max(note.pitch, top.get(round(note.onset, 1), 0.0))
    errors = []
    for note in notes:
        begin, end = (int(t * RATE) for t in (note.onset + 0.06, note.onset + note.duration))
        if end - begin > 2400 and end < 25 * RATE and note.pitch == top[round(note.onset, 1)]:
            errors.append(cents_off(audio[begin:end], note.hertz))
    assert len(errors) >= 8
    assert np.median(np.abs(errors)) < 5.0
    assert abs(np.median(errors)) < 2.0


@pytest.mark.parametrize("instrument", sorted(PLAYERS))
def test_each_instrument_plays_in_tune(instrument):
    low, high, chord = RANGES[instrument]
    for pitch in (float(max(low, chord)) + 0.3, (low + high) / 2 - 0.2):
        note = Note(0.1, 1.5, pitch, 0.8)
        part = Part("solo", instrument, (note,))
        audio = render_part(part, 2 * RATE, RATE, rng_for("test"))
        assert audio.shape == (2 * RATE,)
        assert np.isfinite(audio).all()
        assert np.abs(audio[: RATE // 12]).max() < 1e-2 * np.abs(audio).max()  # silent before
        # Detuned players beat around the pitch, and a vibrato is cut in mid-swing. A pitch that
        # is wrong by 1 % is 17 cents off.
        spread = 8.0 if instrument in ("choir", "strings", "synth_lead", "synth_pad") else 4.0
        # The oscillators of this bass are so low that they beat less than once in this time.
        spread = 14.0 if instrument == "reese_bass" else spread
        assert abs(mean_cents_off(audio[RATE // 4 : int(1.5 * RATE)], note.hertz)) < spread


def test_the_beat_is_at_the_stated_tempo(techno):
    factors, audio = techno
    hop = 80
    _, _, spectrum = scipy.signal.stft(audio, RATE, nperseg=512, noverlap=512 - hop)
    loudness = np.log(np.abs(spectrum[:160]) + 1e-4)
    flux = np.maximum(0, np.diff(loudness, axis=1)).mean(axis=0)
    flux -= flux.mean()
    echo = scipy.signal.correlate(flux, flux, method="fft")[len(flux) - 1 :]
    period = 60 / factors.tempo_bpm * RATE / hop
    # Sixteen beats apart the onsets coincide again; 1 % off would be 16 % of a beat.
    lags = np.arange(int(15.6 * period), int(16.4 * period))
    found = lags[np.argmax(echo[lags])] / 16
    assert found == pytest.approx(period, rel=0.002)
