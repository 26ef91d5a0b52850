"""Clips of a report: what the models heard, small, at levels that compare, always the same."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from rich.console import Console

from benchmark.perturbations import CLEAN, perturb, resolve
from benchmark.predict import audio_examples
from benchmark.predict.audio_examples import MOST_BYTES, SECONDS, encode, example_track, render
from benchmark.report.sections import audio as audio_section
from benchmark.score.tables.build import build_tables
from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import Track
from tests.support.report_page import page_of
from tests.support.scored import simulated
from tests.support.sounds import RATE, music, rms_db
from tests.support.sources import run

SEED = 3
CONDITIONS = resolve("white_noise:5,gain:4,time_faster:5,compression:3>white_noise:2")
LEVEL_DB = -18.0  # of gain:4


@dataclass(frozen=True)
class Music:
    """Notes and drums from a seed, louder than full scale would allow once noise is added."""

    seed: int

    @property
    def label(self) -> str:
        return f"music/{self.seed}"

    def sha256(self) -> str:
        return f"{self.seed:064x}"

    def read(self, sample_rate: int) -> np.ndarray:
        assert sample_rate == RATE
        return np.tanh(6 * music(12.0, self.seed))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Corpus:
    splits = ("train", "valid", "test", "test", "test")
    tracks = [Track(f"t{i}", split, ("even",), Music(i)) for i, split in enumerate(splits)]
    return run(tracks, tmp_path_factory.mktemp("corpus") / "music", tags=("even", "odd"))


@pytest.fixture(scope="module")
def rendered(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "audio"
    record = render(corpus, CONDITIONS, folder, seed=SEED, licence="CC0 1.0")
    return folder, json.loads(record.read_text())


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def heard(folder, record):
    """Return what is played under each condition, by the perturbation."""
    found = {}
    for one in record["clips"]:
        audio, rate = soundfile.read(folder / one["file"], dtype="float32")
        assert rate == RATE
        assert audio.ndim == 1
        found[one["perturbation"]] = audio
    return found


def likeness(audio, other, reach=3000):
    """Return the greatest correlation over the delays that an encoder may add."""
    n = min(audio.size, other.size) - reach
    spectrum = np.fft.rfft(audio, 2 * audio.size) * np.conj(np.fft.rfft(other[:n], 2 * audio.size))
    lags = np.fft.irfft(spectrum)[:reach]
    at = int(lags.argmax())
    return float(np.corrcoef(audio[at : at + n], other[:n])[0, 1])


def test_each_condition_is_played_clean_audio_first(rendered):
    folder, record = rendered
    named = [(one["perturbation"], one["severity"]) for one in record["clips"]]
    assert named == [
        (one.perturbation, one.severity) for one in (CLEAN, *CONDITIONS)
    ]  # in the order that was asked for
    assert set(files(folder)) == {"clips.json", *(one["file"] for one in record["clips"])}
    assert record["licence"] == "CC0 1.0"
    for one in record["clips"]:
        assert 0 < (folder / one["file"]).stat().st_size <= MOST_BYTES
        assert re.fullmatch(r"[\w=+.-]+\.mp3", one["file"])  # safe in an address


def test_the_same_bytes_twice_and_nothing_rewritten(corpus, rendered, tmp_path):
    folder, _ = rendered
    render(corpus, CONDITIONS, tmp_path, seed=SEED, licence="CC0 1.0")
    assert files(tmp_path) == files(folder)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    render(corpus, CONDITIONS, tmp_path, seed=SEED, licence="CC0 1.0")
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}


def test_the_track_depends_on_the_names_of_the_test_tracks_alone(corpus, rendered):
    _, record = rendered
    assert (
        record["track_id"] == example_track(["t4", "t2", "t3"]) == example_track(["t2", "t3", "t4"])
    )
    many = [f"track {i}" for i in range(50)]
    assert example_track(many) == example_track(many[::-1])
    without = [name for name in many if name != example_track(many)]
    assert example_track([*without, example_track(many)]) != example_track(without)
    assert len({example_track(many[i : i + 10]) for i in range(0, 50, 10)}) == 5


def test_clips_are_the_same_moment_of_the_perturbed_track(corpus, rendered):
    folder, record = rendered
    row = int(np.flatnonzero(corpus.track_ids == record["track_id"])[0])
    audio = corpus.audio(row)
    clips = heard(folder, record)
    start = record["start_s"]
    assert start == pytest.approx(4.0)
    for condition in (CLEAN, *CONDITIONS):
        whole = perturb(audio, RATE, condition, seed=SEED, track_id=record["track_id"])
        first = round(start * RATE * whole.size / audio.size)
        moment = whole[first : first + round(SECONDS * RATE)]
        clip = clips[condition.perturbation]
        assert abs(clip.size - moment.size) < 3000  # an encoder works in frames
        # Bits are few: of noise they keep less than of music.
        least = 0.75 if "noise" in condition.perturbation else 0.95
        assert likeness(clip, moment) > least, condition
        other = whole[: round(SECONDS * RATE)]
        assert likeness(clip, other) < 0.6, condition


def test_all_clips_share_one_gain_so_that_levels_compare(corpus, rendered):
    folder, record = rendered
    row = int(np.flatnonzero(corpus.track_ids == record["track_id"])[0])
    first = round(record["start_s"] * RATE)
    moment = corpus.audio(row)[first : first + round(SECONDS * RATE)]
    clips = heard(folder, record)
    assert record["gain_db"] < 0  # music with as much noise is beyond full scale
    loud = rms_db(clips["clean"])
    alone, _ = soundfile.read(io.BytesIO(encode(moment, RATE)))  # an encoder takes some of it
    assert loud - rms_db(alone) == pytest.approx(record["gain_db"], abs=0.2)
    assert rms_db(clips["gain"]) - loud == pytest.approx(LEVEL_DB, abs=0.3)
    assert max(np.abs(clip).max() for clip in clips.values()) < 1.0


def test_clips_of_other_conditions_go_and_other_files_stay(corpus, tmp_path):
    render(corpus, resolve("gain:1+2"), tmp_path, seed=SEED, licence="")
    (tmp_path / "notes.txt").write_text("mine")
    assert {"gain_1.mp3", "gain_2.mp3"} <= set(files(tmp_path))
    render(corpus, resolve("gain:2"), tmp_path, seed=SEED, licence="")
    assert set(files(tmp_path)) == {"clean.mp3", "gain_2.mp3", "clips.json", "notes.txt"}
    audio_examples.remove(tmp_path)
    assert set(files(tmp_path)) == {"notes.txt"}
    audio_examples.remove(tmp_path / "never")


def test_clips_are_made_again_when_what_they_are_made_of_changes(corpus, tmp_path, monkeypatch):
    noise = resolve("white_noise:5")
    render(corpus, noise, tmp_path, seed=SEED, licence="")
    before = files(tmp_path)
    (tmp_path / "clean.mp3").unlink()
    render(corpus, noise, tmp_path, seed=SEED, licence="")
    assert files(tmp_path) == before
    render(corpus, noise, tmp_path, seed=SEED + 1, licence="")
    assert files(tmp_path)["white_noise_5.mp3"] != before["white_noise_5.mp3"]
    render(corpus, noise, tmp_path, seed=SEED, licence="CC0 1.0")
    assert json.loads((tmp_path / "clips.json").read_text())["licence"] == "CC0 1.0"
    from benchmark.perturbations.white_noise import WhiteNoise

    at = (tmp_path / "white_noise_5.mp3").stat().st_mtime_ns
    monkeypatch.setattr(WhiteNoise, "revision", WhiteNoise.revision + 1)
    render(corpus, noise, tmp_path, seed=SEED, licence="CC0 1.0")
    assert (tmp_path / "white_noise_5.mp3").stat().st_mtime_ns > at


def test_a_test_split_without_tracks_is_said(corpus, tmp_path):
    empty = Corpus(corpus.root, corpus.info)
    empty.frame = corpus.frame[corpus.frame["split"] != "test"]
    with pytest.raises(TagbenchError, match="no test track"):
        render(empty, (), tmp_path, seed=SEED, licence="")


@pytest.mark.parametrize("seconds", [0.05, SECONDS])
@pytest.mark.parametrize("rate", [16000, 22050, 44100])
def test_no_clip_is_larger_than_the_cap(rate, seconds):
    noise = 0.2 * np.random.RandomState(0).standard_normal(round(rate * seconds))
    content = encode(noise.astype(np.float32), rate)
    assert len(content) <= MOST_BYTES
    audio, decoded = soundfile.read(io.BytesIO(content))
    assert decoded == rate
    assert audio.size >= noise.size


def test_what_is_not_ours_to_pass_on_is_not_played(corpus, tmp_path):
    from benchmark.run.runner import render_audio_examples

    folder = tmp_path / "music" / "audio"
    render(corpus, resolve("gain:1"), folder, seed=SEED, licence="")
    labels = [condition.labels() for condition in (CLEAN, *resolve("gain:2"))]
    sweep = SimpleNamespace(
        dataset="music",
        info={"contract": json.dumps({"perturbation_seed": SEED})},
        of_kind=lambda kind: [{"labels": one} for one in labels if kind == "evaluation"],
    )
    console = Console(file=io.StringIO())
    store = SimpleNamespace(results=tmp_path)

    def played(playable, wanted=None):
        cls = SimpleNamespace(playable=playable, licence="CC0 1.0")
        render_audio_examples(sweep, SimpleNamespace(cls=cls), corpus, store, console, wanted)
        return set(files(folder))

    whole = {"clean.mp3", "gain_2.mp3", "clips.json"}
    assert played(True) == whole
    assert not played(True, wanted=False)
    assert not console.file.getvalue()
    assert played(False, wanted=True) == whole
    assert not played(False)
    assert "the licence does not allow redistribution" in " ".join(console.file.getvalue().split())


def test_only_free_recordings_are_playable():
    from benchmark.config.classes import import_class
    from benchmark.config.schema import DatasetFile
    from benchmark.experiment_files import find, load, names
    from datamodules.base import TaggingDataModule

    classes = [
        import_class(load(find("datasets", name), DatasetFile).class_path, TaggingDataModule, name)
        for name in names("datasets")
    ]
    playable = {cls for cls in classes if cls.playable}
    assert playable
    assert TaggingDataModule.playable is False  # who adds a dataset must say so
    for cls in playable:
        assert not re.search(r"NC|ND|not|none|own", cls.licence), cls


def test_the_page_plays_the_clips_from_within(rendered, tmp_path, monkeypatch):
    folder, record = rendered
    clean = [one for one in simulated(tmp_path, ["fcn"]) if one.condition.severity == 0]
    tables = build_tables(clean, n_boot=10)
    page = page_of(tables, folder.parent)
    sources = re.findall(r'<audio [^>]*src="data:audio/mpeg;base64,([^"]+)"', page)
    assert sorted(base64.b64decode(one) for one in sources) == sorted(
        (folder / one["file"]).read_bytes() for one in record["clips"]
    )
    assert "CC0 1.0" in page
    sizes = {one["file"]: (folder / one["file"]).stat().st_size for one in record["clips"]}
    monkeypatch.setattr(audio_section, "CAP", 3 * max(sizes.values()))
    few = page_of(tables, folder.parent)
    assert "3 conditions are left out" in few
    assert few.count("<audio ") == 2
    assert 'href="../audio/"' in few
    audio_examples.remove(folder)
    assert "<audio " not in page_of(tables, folder.parent)
