"""The embedded corpus: what is written is what sounds, and what sounds is what is tagged."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import scipy.signal

from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for
from datamodules.corpus.prepare import prepare
from datamodules.datasets.synthetic import Synth
from datamodules.synthesis.arrangement import RANGES
from datamodules.synthesis.clip_source import ClipSource
from datamodules.synthesis.composition import CLIP_SECONDS, compose
from datamodules.synthesis.factors import BRIEFS, EXTRAS, KEYS, Factors, factors_for
from datamodules.synthesis.harmony import HARMONIC_MINOR, MAJOR, NATURAL_MINOR
from datamodules.synthesis.mixing import impulse_response, rms, set_level
from datamodules.synthesis.oscillators import damped_partials
from datamodules.synthesis.percussion import SOUNDS, drums
from datamodules.synthesis.render import PLAYERS, render_clip, render_part
from datamodules.synthesis.score import Hit, Note, Part
from datamodules.synthesis.tag_rules import TAGS

RATE = 16000
SAMPLES = 465_984
CLIPS = [factors_for(0, index) for index in range(360)]


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


@pytest.mark.parametrize("seed", range(5))
def test_every_tag_has_eight_of_both_kinds_in_every_split(seed):
    tracks = Synth(root="", synth_seed=seed).build_manifest()
    sizes = Counter(track.split for track in tracks)
    assert sizes == {"train": 200, "valid": 60, "test": 100}
    positives = Counter((track.split, tag) for track in tracks for tag in track.tags)
    for split, size in sizes.items():
        for tag in TAGS:
            assert 8 <= positives[split, tag] <= size - 8, (split, tag)


def test_tags_follow_the_rules_from_the_columns_alone():
    voices = {"choir", "voice"}
    for track in Synth(root="").build_manifest():
        extra, tags = track.extra, set(track.tags)
        plays = set(str(extra["instruments"]).split("|"))
        same = {"choir", "flute", "harpsichord", "organ", "piano", "violin"}
        expected = (plays & same) | ({str(extra["style"])} & set(TAGS))
        expected |= {"guitar"} if plays & {"guitar", "electric_guitar"} else set()
        expected |= {"strings"} if plays & {"strings", "violin"} else set()
        expected |= {"synth"} if plays & {"synth_lead", "synth_pad"} else set()
        expected |= {"vocal"} if "voice" in plays else set()
        expected |= {"no vocals"} if not plays & voices else set()
        kits = plays & {"drum_kit", "drum_machine"}
        expected |= {"beat", "drums"} if kits else set()
        expected |= {"drums"} if "percussion" in plays else set()
        expected |= {"solo"} if len(plays) == 1 else set()
        expected |= {"slow"} if float(extra["tempo_bpm"]) < 80 else set()
        expected |= {"fast"} if float(extra["tempo_bpm"]) > 140 else set()
        expected |= {"quiet"} if float(extra["level_dbfs"]) < -28 else set()
        expected |= {"loud"} if float(extra["level_dbfs"]) > -16 else set()
        assert tags == expected, track.track_id
        assert list(track.tags) == sorted(track.tags)


def test_factors_keep_clear_of_the_thresholds():
    for clip in CLIPS:
        assert not 76 < clip.tempo_bpm < 90
        assert not 130 < clip.tempo_bpm < 144
        assert not -30 < clip.level_dbfs < -25
        assert not -19 < clip.level_dbfs < -15


def test_a_larger_corpus_contains_the_smaller_one():
    small, large = (Synth(root="", tracks=n).build_manifest() for n in (30, 500))
    assert list(large[:30]) == list(small)
    assert Counter(track.split for track in small) == {"train": 17, "valid": 5, "test": 8}
    assert len({track.source.sha256() for track in large}) == 500


def test_too_few_tracks_is_one_clear_message():
    with pytest.raises(TagbenchError, match=r"tracks: expected at least 30, got 29"):
        Synth(root="", tracks=29)


def test_source_digest_is_pinned_and_depends_on_each_part():
    text = b'["synth",1,0,12]'
    assert ClipSource(1, 0, 12).sha256() == hashlib.sha256(text).hexdigest()
    assert ClipSource(1, 0, 12).label == "synth/000012"
    others = [ClipSource(2, 0, 12), ClipSource(1, 1, 12), ClipSource(1, 0, 13)]
    assert len({source.sha256() for source in [ClipSource(1, 0, 12), *others]}) == 4


def test_every_scored_instrument_can_be_played_within_its_compass():
    named = {
        pair.split("=")[1] for brief in BRIEFS for text in brief.lineups for pair in text.split()
    }
    named |= {instrument for extras in EXTRAS.values() for _, instrument, _ in extras}
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


def test_rendering_is_the_same_in_another_process_with_other_threads():
    # Clip 4 has a choir, an organ and a flute: tables, formants, noise. Clip 2: struck, drums.
    code = (
        "import hashlib, sys\n"
        "from datamodules.synthesis.clip_source import ClipSource\n"
        "for index in (2, 4):\n"
        "    audio = ClipSource(1, 0, index).read(16000)\n"
        "    print(hashlib.sha256(audio.tobytes()).hexdigest())\n"
        "assert 'torch' not in sys.modules\n"
    )
    threads = {f"{name}_NUM_THREADS": "3" for name in ("OMP", "OPENBLAS", "MKL")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | threads,
        capture_output=True,
        text=True,
        check=True,
    )
    here = [hashlib.sha256(render_clip(0, index).tobytes()).hexdigest() for index in (2, 4)]
    assert done.stdout.split() == here


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


def test_hits_sound_where_they_are_written():
    for sound in SOUNDS:
        audio = drums([Hit(0.5, sound, 1.0)], RATE, RATE, rng_for("test"), electronic=False)
        assert not audio[: RATE // 2].any()
        assert np.abs(audio[RATE // 2 : RATE // 2 + 800]).max() > 0.05


def test_damped_partials_equal_the_formula():
    hertz, amplitude = np.array([220.0, 663.3, 9000.0]), np.array([1.0, 0.4, 1.0])
    decay, phase = np.array([1.0, 7.0, 1.0]), np.array([0.0, 2.0, 0.0])
    time = np.arange(40000) / RATE
    expected = sum(
        amplitude[p] * np.exp(-decay[p] * time) * np.cos(2 * np.pi * hertz[p] * time + phase[p])
        for p in (0, 1)  # the third is above Nyquist
    )
    found = damped_partials(hertz, amplitude, decay, phase, 40000, RATE)
    np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("reverb_s", [0.5, 3.0])
def test_reverberation_falls_by_sixty_decibels_in_the_stated_time(reverb_s):
    slopes = []
    for draw in range(6):
        room = impulse_response(reverb_s, RATE, rng_for("test", draw))
        band = scipy.signal.butter(3, (300, 2000), "bandpass", fs=RATE, output="sos")
        energy = np.cumsum(scipy.signal.sosfilt(band, room)[::-1] ** 2)[::-1]
        curve = 10 * np.log10(energy / energy[0])
        inside = np.flatnonzero((curve < -5) & (curve > -35))
        slopes.append(np.polyfit(inside / RATE, curve[inside], 1)[0])
        assert rms(room) ** 2 * len(room) == pytest.approx(1.0, rel=1e-3)
    assert -60 / np.mean(slopes) == pytest.approx(reverb_s, rel=0.05)


def test_limiter_reaches_the_level_without_clipping():
    rng = rng_for("test")
    audio = (rng.standard_normal(RATE) * 0.01).astype(np.float32)
    audio[::1600] += 0.8  # crest factor far above what -11 dBFS allows
    loud = set_level(audio, -11.0, RATE)
    assert 20 * np.log10(rms(loud)) == pytest.approx(-11.0, abs=0.01)
    assert np.abs(loud).max() < 1.0
    # Where nothing passes full scale, it only scales.
    quiet = set_level(audio, -40.0, RATE)
    np.testing.assert_allclose(quiet / quiet[0], audio / audio[0], rtol=1e-4)


def test_prepared_corpus_holds_the_clips_and_their_factors(tmp_path):
    tracks = Synth(root=tmp_path).build_manifest()[:6]
    corpus = prepare(
        tracks, tmp_path, name="synth", tags=TAGS, task="multilabel", sample_rate=RATE, workers=0
    )
    frame = corpus.frame
    assert list(frame["track_id"]) == [track.track_id for track in tracks]
    assert (frame["samples"] == SAMPLES).all()
    for column, value in tracks[5].extra.items():
        assert frame[column][5] == value
    step = float(frame["scale"][5])
    np.testing.assert_allclose(corpus.audio(5), render_clip(0, 5), atol=0.51 * step)
