"""The page that describes a dataset: its files, tables and figures."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.report.dataset.page import describe
from datamodules.common.errors import TagbenchError
from datamodules.datasets.local_folder import Folder
from tests.support.html_page import Page
from tests.support.music import RATE, tone


@pytest.fixture(scope="module")
def described(corpus, tmp_path_factory) -> Path:
    """Folder of a description whose audio was measured in two processes."""
    return describe(
        corpus, tmp_path_factory.mktemp("results") / "synth_smoke", 20, workers=2
    ).parent


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_command_writes_the_same_bytes_in_one_process(corpus, described, tmp_path):
    arguments = ["describe", "--dataset", "synth_smoke", "--results", str(tmp_path)]
    arguments += ["--data-root", str(corpus.root.parent), "--clips", "20", "--workers", "1"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    folder = tmp_path / "synth_smoke" / "describe"
    assert str(folder / "index.html") in done.output.replace("\n", "")
    assert contents(folder) == contents(described)


def test_an_unknown_dataset_is_refused():
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


def test_audio_tables_follow_from_the_clips(corpus, described):
    clips = pd.read_csv(described / "clips.csv")
    assert len(clips) == 20
    assert clips["track_id"].is_monotonic_increasing
    row = corpus.track_ids.tolist().index(clips["track_id"][0])
    assert clips["variance"][0] == pytest.approx(np.var(corpus.audio(row)), rel=1e-4)
    variance = pd.read_csv(described / "variance.csv").set_index("tag")
    spectra = pd.read_csv(described / "spectra.csv")
    assert set(spectra.columns) == {"frequency_hz", "(all clips)", *variance.index}
    drums = clips[clips["tags"].str.split("|").apply(lambda tags: "drums" in tags)]
    assert variance.loc["drums", "clips"] == len(drums)
    assert variance.loc["drums", "variance"] == pytest.approx(drums["variance"].mean(), rel=1e-4)
    level = 10 * np.log10(drums["variance"])
    assert variance.loc["drums", "median_db"] == pytest.approx(level.median(), abs=1e-3)
    assert pd.read_csv(described / "tags.csv")["clips"].sum() == sum(map(len, corpus.frame["tags"]))


def test_single_label_corpus_without_audio_features(tmp_path):
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
        shard.unlink()  # the audio must not be read
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
    shown = " ".join(" ".join(Page(text).text).split())
    assert "2 classes" in shown
    assert "artists 8 5 4 2 2" in shown
    assert 'id="sound"' not in text
