"""What describes a dataset: label statistics against oracles, features, figures and the page."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import pytest
import soundfile
from scipy.signal import welch
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.report.dataset import audio_features
from benchmark.report.dataset.embedding import MOST_POINTS, project
from benchmark.report.dataset.page import describe
from datamodules.common.errors import TagbenchError
from datamodules.common.progress import Silent
from datamodules.common.seeding import rng_for
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.leakage import group_overlap
from datamodules.datasets.local_folder import Folder
from datamodules.datasets.synthetic import Synth
from datamodules.labels import statistics
from datamodules.labels.vocabularies import MTAT_TOP50
from tests.support.html_page import Page
from tests.support.music import RATE, tone

# Counts of the ten most frequent tags, and correlations, as a study of MagnaTagATune prints them:
# the first over all 25,863 clips (it has 4,274 of classical, the annotation file 4,272), the second
# over the 21,111 that carry one of the 50 tags, cut after four digits.
PUBLISHED_COUNTS = {
    "guitar": 4852, "classical": 4272, "slow": 3547, "techno": 2954, "strings": 2729,
    "drums": 2598, "electronic": 2519, "rock": 2371, "fast": 2306, "piano": 2056,
}  # fmt: skip
PUBLISHED_PAIRS = {
    ("choir", "choral"): 0.6573,
    ("indian", "sitar"): 0.5910,
    ("female", "woman"): 0.5402,
    ("electronic", "techno"): 0.5107,
    ("female", "female vocal"): 0.4896,
    ("male", "male vocal"): 0.4886,
    ("strings", "violin"): 0.4535,
    ("male", "man"): 0.4403,
    ("woman", "female vocal"): 0.4349,
    ("metal", "rock"): 0.4263,
    ("classical", "strings"): 0.4247,
    ("man", "male vocal"): 0.4246,
    ("cello", "violin"): 0.4071,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Corpus:
    """The embedded corpus at its smallest."""
    module = Synth(root=tmp_path_factory.mktemp("prepared"), tracks=30, workers=2)
    module.prepare_data()
    return module.corpus


@pytest.fixture(scope="module")
def described(corpus, tmp_path_factory) -> Path:
    """Folder of a description whose audio was measured in two processes."""
    return describe(
        corpus, tmp_path_factory.mktemp("results") / "synth_smoke", 20, workers=2
    ).parent


@pytest.fixture
def labels() -> np.ndarray:
    matrix = (rng_for("labels").rand(300, 7) < 0.3).astype(np.uint8)
    matrix[:, 1] |= matrix[:, 0]
    return matrix


@pytest.fixture
def splits() -> list[str]:
    return ["train"] * 150 + ["valid"] * 50 + ["test"] * 100


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_correlations_are_pearsons(labels):
    expected = np.corrcoef(labels.T.astype(float))
    np.testing.assert_allclose(statistics.correlations(labels), expected, atol=1e-12)


def test_a_constant_tag_has_no_correlation_and_is_in_no_pair(labels):
    labels[:, 2] = 0
    labels[:, 3] = 1
    found = statistics.correlations(labels)
    assert np.isnan(found[2]).all()
    assert np.isnan(found[:, 3]).all()
    assert np.isfinite(np.delete(np.delete(found, [2, 3], 0), [2, 3], 1)).all()
    pairs = statistics.correlated_pairs(labels, list("abcdefg"))
    assert len(pairs) == 10
    assert not {"c", "d"} & {*pairs["tag"], *pairs["other"]}


def test_pairs_are_all_pairs_and_the_strongest_comes_first(labels):
    pairs = statistics.correlated_pairs(labels, list("abcdefg"))
    assert len(pairs) == 21
    assert pairs["correlation"].is_monotonic_decreasing
    first = pairs.iloc[0]
    assert (first["tag"], first["other"]) == ("a", "b")
    assert first["both"] == labels[:, 0].sum()  # every clip of a carries b
    assert first["either"] == labels[:, 1].sum()


def test_counts_agree_with_pandas(labels, splits):
    frame = pd.DataFrame(labels, columns=list("abcdefg")).assign(split=splits)
    expected = frame.groupby("split").sum()
    table = statistics.tag_counts(labels, list("abcdefg"), splits).set_index("tag")
    assert table["clips"].is_monotonic_decreasing
    for split in ("train", "valid", "test"):
        assert table[split].to_dict() == expected.loc[split].to_dict()
    np.testing.assert_allclose(table["share"], table["clips"] / 300)
    per_clip = statistics.tags_per_clip(labels, splits).set_index("tags")
    valid = pd.Series(labels[150:200].sum(axis=1)).value_counts()
    assert per_clip["valid"][per_clip["valid"] > 0].to_dict() == valid.to_dict()
    assert per_clip["clips"].sum() == 300


def test_ties_keep_the_order_of_the_vocabulary():
    table = statistics.tag_counts(np.eye(4, dtype=np.uint8), list("dbca"), ["train"] * 4)
    assert table["tag"].tolist() == list("dbca")


def test_every_clip_is_in_one_bin_of_length(splits):
    seconds = 30 + 200 * rng_for("seconds").rand(300)
    table = statistics.durations(seconds, splits)
    assert table["clips"].sum() == 300
    assert table[["train", "valid", "test"]].sum().tolist() == [150, 50, 100]
    assert table["from_seconds"].iloc[0] == seconds.min()
    assert table["to_seconds"].iloc[-1] == seconds.max()
    (only,) = statistics.durations(np.full(300, 29.124), splits)["clips"]
    assert only == 300


def test_groups_count_what_splits_share():
    rows = [
        ("train", "a", "x"), ("train", "a", "x"), ("train", "b", ""), ("valid", "b", ""),
        ("valid", "c", ""), ("test", "a", "y"), ("test", "d", "y"), ("test", "", ""),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["split", "artist", "album"]).assign(song="")
    table = group_overlap(frame).set_index("group")
    artist = table.loc["artist"]
    assert artist[["clips_known", "groups", "train", "valid", "test"]].tolist() == [7, 4, 2, 2, 2]
    assert artist[["train_valid", "train_test", "valid_test"]].tolist() == [1, 1, 0]
    assert artist[["train_shared", "valid_shared", "test_shared"]].tolist() == [2, 1, 1]
    assert artist["test_clips_seen"] == 0.5
    assert table.loc["album", ["groups", "test_shared", "test_clips_seen"]].tolist() == [2, 0, 0]
    assert table.loc["song", "groups"] == 0
    assert np.isnan(table.loc["song", "test_clips_seen"])


def test_figures_published_for_magnatagatune(shared_data):
    with gzip.open(shared_data / "mtat" / "annotations_final.csv.gz") as file:
        frame = pd.read_csv(file, sep="\t")
    tags = list(MTAT_TOP50)
    matrix = frame[tags].to_numpy(np.uint8)
    folders = frame["mp3_path"].str[0]
    splits = np.select([folders < "c", folders == "c"], ["train", "valid"], "test").tolist()

    counts = statistics.tag_counts(matrix, tags, splits)
    assert dict(zip(counts["tag"][:10], counts["clips"][:10], strict=True)) == PUBLISHED_COUNTS

    kept = matrix.any(axis=1)
    assert kept.sum() == 21111
    pairs = statistics.correlated_pairs(matrix[kept], tags)
    found = {
        frozenset((row.tag, row.other)): row.correlation for row in pairs.head(13).itertuples()
    }
    assert set(found) == {frozenset(pair) for pair in PUBLISHED_PAIRS}
    for pair, value in PUBLISHED_PAIRS.items():
        assert np.floor(found[frozenset(pair)] * 1e4) / 1e4 == value


def test_filters_are_those_of_librosa():
    expected = librosa.filters.mel(sr=16000, n_fft=1024, n_mels=64, htk=True, norm=None)
    np.testing.assert_allclose(audio_features.mel_triangles(16000, 1024), expected, atol=1e-6)


def test_spectrum_is_welchs_and_variance_is_numpys():
    audio = (0.1 * rng_for("noise").standard_normal(50_000)).astype(np.float32) + np.float32(0.3)
    variance, spectrum, mel = audio_features.measure(audio, 16000)
    assert variance == pytest.approx(0.01, rel=0.05)  # a constant offset is no energy
    size = audio_features.frame_length(16000)
    _, power = welch(audio, 16000, nperseg=size, detrend=False, return_onesided=False)
    expected = 10 * np.log10(power[: size // 2] * 16000)
    np.testing.assert_allclose(spectrum[:-1], expected, atol=1e-3)
    assert mel.shape == (2 * audio_features.BANDS,)
    assert (mel[audio_features.BANDS :] > 0).all()


@pytest.mark.parametrize("samples", [1, 100, 1024, 5000])
def test_short_and_silent_clips_are_measured(samples):
    variance, spectrum, mel = audio_features.measure(np.zeros(samples, np.float32), 16000)
    assert variance == 0
    assert (spectrum == -100).all()
    assert (mel[: audio_features.BANDS] == -100).all()
    assert (mel[audio_features.BANDS :] == 0).all()


def test_blocks_change_nothing(monkeypatch):
    audio = tone(3, 5.0)
    whole = audio_features.measure(audio, RATE)
    monkeypatch.setattr(audio_features, "_BLOCK", 7)
    parts = audio_features.measure(audio, RATE)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


def test_timbre_does_not_depend_on_loudness():
    audio = tone(3, 2.0)
    loud, soft = (audio_features.measure(audio * gain, RATE)[2][None] for gain in (1.0, 0.5))
    assert abs(loud - soft).max() > 5
    above = loud[0, : audio_features.BANDS] > -85  # bands that the floor does not hold
    change = audio_features.timbre(loud) - audio_features.timbre(soft)
    assert above.sum() > 40
    assert np.ptp(change[0, : audio_features.BANDS][above]) < 0.5


def test_a_larger_sample_holds_the_smaller(corpus):
    small, large = (audio_features.sample_rows(corpus, count).tolist() for count in (8, 20))
    assert large[:8] == small
    assert sorted(audio_features.sample_rows(corpus, 999)) == list(range(30))
    assert small != sorted(small)


def test_projection_keeps_what_fits_in_a_plane():
    rng = rng_for("plane")
    flat = rng.standard_normal((60, 2)) @ np.linalg.qr(rng.standard_normal((5, 5)))[0][:2]
    found = project(flat)
    assert found.stress < 0.25
    points = rng.standard_normal((40, 2))  # two features: nothing is lost but their scale
    exact = project(points)
    assert exact.explained.sum() == pytest.approx(1)
    assert exact.stress == pytest.approx(0, abs=1e-6)
    wanted = np.linalg.norm(np.diff(points / points.std(axis=0), axis=0), axis=1)
    np.testing.assert_allclose(np.linalg.norm(np.diff(exact.mds, axis=0), axis=1), wanted)


def test_projection_of_equal_clips_and_of_many():
    same = project(np.ones((5, 4)))
    assert not same.pca.any()
    assert not same.mds.any()
    assert MOST_POINTS >= 1000


def test_the_verb_writes_the_same_bytes_in_one_process(corpus, described, tmp_path):
    arguments = ["describe", "--dataset", "synth_smoke", "--results", str(tmp_path)]
    arguments += ["--data-root", str(corpus.root.parent), "--clips", "20", "--workers", "1"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    folder = tmp_path / "synth_smoke" / "describe"
    assert str(folder / "index.html") in done.output.replace("\n", "")
    assert contents(folder) == contents(described)


def test_a_typo_costs_no_time():
    done = CliRunner().invoke(app, ["describe", "--dataset", "sinth"])
    assert isinstance(done.exception, TagbenchError)
    assert "synth" in str(done.exception)


def test_page_opens_without_a_network_and_links_to_what_is_there(described):
    text = (described / "index.html").read_text()
    page = Page(text)
    for link in page.links:
        assert link.startswith("#") or (described / link).is_file(), link
    assert "https://" not in text
    assert "http://" not in text.replace("http://www.w3.org/", "")
    assert "<script" not in text
    assert "@import" not in text
    drawn = re.findall(r'<figure id="(\w+)"><svg', text)
    assert drawn == [
        *("tags", "correlations", "tags_per_clip", "durations"),
        *("spectra", "variance", "pca", "mds"),
    ]
    for name in drawn:
        assert (described / "figures" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert (described / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    used = set(re.findall(r'xlink:href="#([^"]+)"', text)) | set(re.findall(r"url\(#([^)]+)", text))
    assert used <= set(ids)


def test_tables_of_sound_follow_from_the_clips(corpus, described):
    clips = pd.read_csv(described / "clips.csv")
    assert len(clips) == 20
    assert clips["track_id"].is_monotonic_increasing
    row = corpus.track_ids.tolist().index(clips["track_id"][0])
    assert clips["variance"][0] == pytest.approx(np.var(corpus.audio(row)), rel=1e-4)
    variance = pd.read_csv(described / "variance.csv").set_index("tag")
    spectra = pd.read_csv(described / "spectra.csv")
    assert set(spectra.columns) == {"frequency_hz", "(all clips)", *variance.index}
    own = clips[clips["tags"].str.split("|").apply(lambda tags: "drums" in tags)]
    assert variance.loc["drums", "clips"] == len(own)
    assert variance.loc["drums", "variance"] == pytest.approx(own["variance"].mean(), rel=1e-4)
    level = 10 * np.log10(own["variance"])
    assert variance.loc["drums", "median_db"] == pytest.approx(level.median(), abs=1e-3)
    assert pd.read_csv(described / "tags.csv")["clips"].sum() == sum(map(len, corpus.frame["tags"]))


def test_genres_by_their_labels_alone(tmp_path):
    music = tmp_path / "music"
    music.mkdir()
    rows = ["path,tags,split,artist"]
    for index, split in enumerate(["train"] * 4 + ["valid"] * 2 + ["test"] * 2):
        soundfile.write(music / f"{index}.wav", tone(index, 1.0 + 0.1 * index), RATE)
        rows.append(f"{index}.wav,{'low' if index % 2 == 0 else 'high'},{split},artist{index % 5}")
    (music / "tags.csv").write_text("\n".join(rows) + "\n")
    module = Folder(root=tmp_path / "data", data=str(music), task="singlelabel", workers=1)
    module.prepare_data()
    for shard in module.corpus.root.rglob("*.i16"):
        shard.unlink()  # it must not be read
    folder = tmp_path / "folder" / "describe"
    (folder / "figures").mkdir(parents=True)
    for stale in ("clips.csv", "figures/pca.png", "notes.txt"):
        (folder / stale).write_text("old")
    describe(module.corpus, tmp_path / "folder", clips=0)

    # A clip has one class: no correlations. No audio: no features.
    assert {path.stem for path in folder.glob("*.csv")} == {"tags", "durations", "groups"}
    assert {path.stem for path in folder.glob("figures/*")} == {"tags", "durations", "groups"}
    assert (folder / "notes.txt").exists()
    groups = pd.read_csv(folder / "groups.csv").set_index("group")
    assert groups.loc["artist", ["groups", "train_test", "test_clips_seen"]].tolist() == [5, 2, 1]
    text = (folder / "index.html").read_text()
    said = " ".join(" ".join(Page(text).text).split())
    assert "2 classes" in said
    assert "artists 8 5 4 2 2" in said
    assert 'id="sound"' not in text


def test_progress_counts_every_clip(corpus):
    class Counted(Silent):
        done = 0

        def advance(self, count: int = 1) -> None:
            self.done += count

    counted = Counted()
    audio_features.measure_all(corpus, [0, 3, 5], 1, counted)
    assert counted.done == 3
