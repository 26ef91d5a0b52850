"""Embeddings as files: windows by hand, resuming, identity, formats, and the command."""

from __future__ import annotations

import signal
import sqlite3
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from click.testing import Result
from typer.testing import CliRunner

from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.cli import app
from benchmark.embed.sources import CorpusSource, FileSource
from datamodules.common.errors import TagbenchError
from datamodules.views.resample import at_rate
from datamodules.views.vector_file import read_vectors
from tests.support import warm_process
from tests.support.layered_model import LAYERS, RATE, WINDOW, checkpoint, embed, noise_file
from tests.support.sources import run, watched


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("embed")
    checkpoint(root / "model")
    for number, name in enumerate(("c", "a", "deep/b", "e", "d")):
        noise_file(root / f"music/{name}.wav", 0.2 + 0.5 * number, number)
    return root


def by_hand(place: Path, audio: np.ndarray, starts: list[int]) -> dict[str, np.ndarray]:
    """Return the layers (W, D) of windows that are cut here."""
    module, _ = load_checkpoint(place / "model", "cpu")
    audio = np.resize(audio, max(len(audio), WINDOW))
    windows = np.stack([audio[start : start + WINDOW] for start in starts])
    with torch.no_grad():
        return {k: v.numpy() for k, v in module.embed_layers(torch.from_numpy(windows)).items()}


def test_rows_are_embeddings_of_windows_cut_by_hand(place: Path, tmp_path: Path):
    short = noise_file(tmp_path / "in/short.wav", 0.3, 7)
    long = noise_file(tmp_path / "in/long.wav", 1.25, 8)
    source = FileSource([tmp_path / "in"])
    embed(place, source, tmp_path / "w.parquet", per_window=True)
    frame = pq.read_table(tmp_path / "w.parquet").to_pandas()
    assert frame["track_id"].tolist() == ["long.wav"] * 6 + ["short.wav"] * 2
    assert frame["layer"].tolist() == list(LAYERS) * 4
    assert frame["start"].tolist() == [0.0, 0.0, 0.5, 0.5, 0.75, 0.75, 0.0, 0.0]
    assert frame["duration"].tolist() == [0.5] * 6 + [0.3] * 2
    expected = by_hand(place, long, [0, WINDOW, len(long) - WINDOW])
    for name in LAYERS:
        found = frame[(frame["layer"] == name) & (frame["track_id"] == "long.wav")]["vector"]
        np.testing.assert_allclose(np.stack(found), expected[name], atol=1e-6)
    np.testing.assert_allclose(frame["vector"].iloc[-1], by_hand(place, short, [0])[LAYERS[1]][0])

    embed(place, source, tmp_path / "t.parquet", LAYERS[1:])
    embed(place, source, tmp_path / "t.npz", LAYERS[1:])
    table = pq.read_table(tmp_path / "t.parquet")
    assert str(table.schema.field("vector").type) == "fixed_size_list<element: float>[6]"
    vectors = np.stack(table.to_pandas()["vector"])
    np.testing.assert_allclose(vectors[0], expected["penultimate"].mean(0), atol=1e-6)
    assert table["duration"].to_pylist() == [1.25, 0.3]
    for name in ("t.parquet", "t.npz"):  # as a model reads vectors of tracks
        np.testing.assert_array_equal(read_vectors(tmp_path / name).values, vectors)
    with np.load(tmp_path / "t.npz", allow_pickle=False) as stored:
        np.testing.assert_array_equal(stored["vector"], vectors)
        for name in set(table.column_names) - {"vector"}:
            assert stored[name].tolist() == table[name].to_pylist()
        assert str(stored["identity"]) == table.schema.metadata[b"tagbench"].decode()


KILLED = """
import os, signal, sys
from pathlib import Path
from benchmark.embed.sources import FileSource
from datamodules.common.progress import Silent
from tests.support.layered_model import embed

class Kill(Silent):
    def start(self, total, unit="tracks", title=None):
        self.title, self.done = title, 0

    def advance(self, count=1):
        self.done += 1
        if self.title == "embed" and self.done == 4:
            os.kill(os.getpid(), signal.SIGKILL)

place, out = Path(sys.argv[1]), Path(sys.argv[2])
embed(place, FileSource([place / "music"]), out, progress=Kill())
"""


def test_a_killed_run_continues_to_the_same_bytes(place: Path, tmp_path: Path):
    whole, out = tmp_path / "whole.parquet", tmp_path / "out.parquet"
    # in another order, and one file twice
    source = FileSource([place / "music/d.wav", place / "music/deep", place / "music"])
    assert source.track_ids() == ["a.wav", "c.wav", "d.wav", "deep/b.wav", "e.wav"]
    assert embed(place, source, whole).computed == 5
    process = warm_process.start("-c", KILLED, str(place), str(out))
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not out.exists()
    journal = tmp_path / "out.parquet.part"
    with sqlite3.connect(journal) as connection:
        stored = dict(connection.execute("SELECT id, rows FROM tracks"))
        assert list(stored) == ["a.wav", "c.wav", "d.wav"]
        damaged = bytearray(stored["c.wav"])
        damaged[len(damaged) // 2] ^= 255
        connection.execute("UPDATE tracks SET rows = ? WHERE id = 'c.wav'", (bytes(damaged),))
    connection.close()
    done = embed(place, source, out)
    assert (done.computed, done.kept) == (3, 2)
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.parquet", "whole.parquet"]


@pytest.mark.parametrize("suffix", ["parquet", "npz"])
def test_only_new_and_changed_files_are_computed(place: Path, tmp_path: Path, suffix: str):
    layers = LAYERS[1:]
    for number, name in enumerate("abc"):
        noise_file(tmp_path / f"in/{name}.wav", 0.6, number)
    out = tmp_path / f"out.{suffix}"
    assert embed(place, FileSource([tmp_path / "in"]), out, layers).computed == 3
    before = out.read_bytes()
    done = embed(place, FileSource([tmp_path / "in"]), out, layers)
    assert (done.computed, done.kept, done.n_rows) == (0, 3, None)
    noise_file(tmp_path / "in/b.wav", 0.6, 9)
    noise_file(tmp_path / "in/d.wav", 0.6, 10)
    (tmp_path / "in/a.wav").unlink()
    done = embed(place, FileSource([tmp_path / "in"]), out, layers)
    assert (done.computed, done.kept, done.dropped) == (2, 1, 1)
    embed(place, FileSource([tmp_path / "in"]), tmp_path / f"anew.{suffix}", layers)
    assert out.read_bytes() == (tmp_path / f"anew.{suffix}").read_bytes() != before


def test_a_file_of_other_embeddings_is_kept_and_the_difference_named(place: Path, tmp_path: Path):
    source, out = FileSource([place / "music/a.wav"]), tmp_path / "out.parquet"
    embed(place, source, out)
    before = out.read_bytes()
    with pytest.raises(TagbenchError, match=r'layers: \["levels", "penultimate"\] in the file, \['):
        embed(place, source, out, LAYERS[:1])
    assert out.read_bytes() == before
    out.write_bytes(before[: len(before) // 2])
    with pytest.raises(TagbenchError, match=r"out.parquet is damaged, or was not written by"):
        embed(place, source, out)
    (tmp_path / "new.npz.part").write_bytes(b"not a journal" * 99)
    with pytest.raises(TagbenchError, match=r"new.npz.part, the unfinished .* is damaged: file is"):
        embed(place, source, tmp_path / "new.npz", LAYERS[1:])
    with pytest.raises(TagbenchError, match=r"\(levels 1, penultimate 6\). Choose a file .parquet"):
        embed(place, source, tmp_path / "two.npz")


def test_tracks_of_a_dataset_have_its_ids(place: Path, tmp_path: Path):
    corpus = run(watched(6), tmp_path / "corpus")
    done = embed(place, CorpusSource(corpus, "test"), tmp_path / "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet").to_pandas()
    table = table[table["layer"] == "penultimate"]
    assert table["track_id"].tolist() == list(corpus.split("test")["track_id"])
    assert done.computed == len(table) > 0
    audio = at_rate(corpus.audio(int(corpus.rows("test")[0])), corpus.sample_rate, RATE)
    (end,) = [len(audio) - WINDOW]
    starts = [*range(0, end, WINDOW), end]
    expected = by_hand(place, audio, starts)["penultimate"].mean(0)
    np.testing.assert_allclose(table["vector"].iloc[0], expected, atol=1e-6)


def call(place: Path, *arguments: str) -> Result:
    command = ["embed", *arguments, "--checkpoint", str(place / "model"), "--device", "cpu"]
    return CliRunner().invoke(app, command)


def test_the_command_lists_what_it_cannot_read(place: Path, tmp_path: Path):
    (tmp_path / "broken.mp3").write_bytes(b"not music")
    out = str(tmp_path / "deep/out.parquet")
    music = str(place / "music/a.wav")
    result = call(place, music, str(tmp_path / "broken.mp3"), "--layer", "all", "--out", out)
    assert result.exit_code == 1
    assert "1 tracks, 2 rows, levels (1 values), penultimate (6 values)" in result.output
    assert f"{tmp_path}/broken.mp3: unsupported format" in result.stderr
    assert pq.read_table(out)["track_id"].to_pylist() == [music] * 2
    nothing = call(place, str(tmp_path / "broken.mp3"), "--out", str(tmp_path / "no.npz"))
    assert "No track could be embedded" in str(nothing.exception)
    assert not list(tmp_path.glob("no.npz*"))


def test_layers_are_listed_and_wrong_options_named(place: Path, tmp_path: Path):
    listed = call(place, "--list-layers")
    assert listed.output == "levels  1 values\npenultimate  6 values  (default)\n"
    music = str(place / "music")
    for arguments, message in (
        ((music, "--layer", "level"), "Unknown layer 'level' in --layer. Did you mean 'levels'"),
        ((music, "--out", "x.csv"), "expected a name that ends in .parquet or .npz"),
        ((music, "--dataset", "synth"), "either audio files or --dataset"),
        ((), "give audio files, folders, or --dataset"),
        ((music, f"{music}/deep/../../music"), "would have the same id"),
    ):
        assert message in str(call(place, *arguments).exception)
