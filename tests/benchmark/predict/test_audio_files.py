"""Tagging files: probabilities by hand, bad files, formats, taggrams."""

from __future__ import annotations

import csv
import io
import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import Result
from typer.testing import CliRunner

from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.cli import app, main
from benchmark.cli.predict_output import output_stems
from benchmark.predict.audio_files import (
    AudioFile,
    Prediction,
    UnreadableFile,
    find_audio,
    predict_files,
)
from benchmark.predict.taggram import hop_starts, taggram, write_csv, write_picture
from benchmark.predict.time_plots import time_edges
from datamodules.common.errors import TagbenchError
from datamodules.loaders.windowing import Windowing
from tests.support.level_model import RATE, Level, checkpoint, sigmoid, steps

GAINS = np.array([1.0, -0.5, -2.0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("predict")
    checkpoint(root / "level")
    steps(root / "music/b.wav", [0.8, 0.8])
    steps(root / "music/deep/a.wav", [0.9, -0.3, 0.6])
    (root / "music/broken.mp3").write_bytes(b"not music")
    (root / "music/notes.txt").write_text("not music either")
    return root


@pytest.fixture(scope="module")
def model(folder) -> Level:
    return load_checkpoint(folder / "level")[0]


def call(folder: Path, *arguments: str) -> Result:
    command = ["predict", *arguments, "--checkpoint", str(folder / "level")]
    return CliRunner().invoke(app, command)


def test_score_is_mean_probability_of_windows(folder, model):
    files = find_audio([folder / "music/deep/a.wav"])
    (found,) = predict_files(model, files, Windowing())
    assert isinstance(found, Prediction)
    expected = sigmoid(np.outer([0.9, -0.3, 0.6], GAINS)).mean(0)
    np.testing.assert_allclose(found.scores, expected, atol=1e-6)
    assert found.seconds == 1.5


def test_windows_of_won2020_are_theirs(folder, model):
    audio = steps(folder / "ramp.wav", list(np.linspace(-1, 1, 60)), seconds=0.01)
    hop = (len(audio) - 4000) // 16
    means = [audio[i * hop : i * hop + 4000].mean(dtype=np.float64) for i in range(16)]
    files = find_audio([folder / "ramp.wav"])
    (found,) = predict_files(model, files, Windowing("won2020"))
    assert isinstance(found, Prediction)
    np.testing.assert_allclose(found.scores, sigmoid(np.outer(means, GAINS)).mean(0), atol=1e-6)


def test_short_files_are_repeated_and_other_rates_resampled(folder, model):
    import soundfile as sf

    sf.write(folder / "short.wav", np.full((1000, 2), 0.4, np.float32), 44100, subtype="FLOAT")
    (found,) = predict_files(model, find_audio([folder / "short.wav"]), Windowing())
    assert isinstance(found, Prediction)
    assert len(found.audio) == round(1000 * RATE / 44100)
    mean = found.audio.mean()
    assert mean == pytest.approx(0.4, abs=0.05)
    expected = sigmoid(GAINS * np.resize(found.audio, 4000).mean())
    np.testing.assert_allclose(found.scores, expected, atol=1e-6)


def test_bad_file_costs_only_itself(folder, model):
    missing = folder / "missing.wav"
    found = list(predict_files(model, find_audio([missing, folder / "music"]), Windowing()))
    assert [type(item) for item in found] == [
        UnreadableFile,
        Prediction,
        UnreadableFile,
        Prediction,
    ]
    assert [item.file.name for item in found] == [
        str(missing),
        "b.wav",
        "broken.mp3",
        "deep/a.wav",
    ]
    assert isinstance(found[0], UnreadableFile)
    assert found[0].reason == "missing file"


def test_many_files_come_in_their_order(tmp_path, model):
    levels = np.linspace(-1, 1, 12)
    for at, level in enumerate(levels):
        steps(tmp_path / f"{at:02d}.wav", [float(level)])
    found = list(predict_files(model, find_audio([tmp_path]), Windowing()))
    scores = [item.scores[0] for item in found if isinstance(item, Prediction)]
    np.testing.assert_allclose(scores, sigmoid(levels), atol=1e-6)


def test_folder_without_audio_is_an_error(tmp_path):
    with pytest.raises(TagbenchError, match=r"There is no audio in .*: looked for aif"):
        find_audio([tmp_path])


# Formats


def test_json_holds_predictions_and_failures(folder):
    result = call(folder, str(folder / "music"), "--format", "json", "--top", "2")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["model"], found["dataset"], found["windows"]) == ("level", "mine", "tiled")
    first, second = found["predictions"]
    assert (first["file"], second["file"]) == ("b.wav", "deep/a.wav")
    assert list(first["tags"]) == ["up", "flat"]
    assert first["tags"]["up"] == pytest.approx(sigmoid(0.8), abs=1e-6)
    assert [item["file"] for item in found["failures"]] == ["broken.mp3"]
    assert "broken.mp3: unsupported format" in result.stderr


class Overflows(Level):
    """Gives NaN for loud audio."""

    def forward(self, audio):
        loud = audio.abs().amax(1, keepdim=True) > 0.7
        return super().forward(audio).masked_fill(loud, torch.nan)


def test_a_file_whose_scores_are_nan_is_a_failure(folder):
    files = find_audio([folder / "music/b.wav", folder / "music/deep/a.wav"])
    quiet = AudioFile(folder / "quiet.wav", "quiet.wav")
    steps(quiet.path, [0.5])
    results = list(predict_files(Overflows.build(0, n_tags=3), [*files, quiet], Windowing()))
    assert [type(item) for item in results] == [UnreadableFile, UnreadableFile, Prediction]
    assert "NaN or infinity" in results[0].reason


def test_a_named_pipe_is_read_to_its_end(folder, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    data = (folder / "music/b.wav").read_bytes()
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    result = call(folder, str(pipe), "--format", "json")
    writer.join()
    (item,) = json.loads(result.stdout)["predictions"]
    assert item["file"] == str(pipe)
    assert item["seconds"] == 1.0
    assert "neither a file nor a pipe" in call(folder, os.devnull).stderr


def test_csv_has_one_row_a_tag(folder):
    result = call(folder, str(folder / "music/b.wav"), "--format", "csv", "--top", "0")
    assert result.exit_code == 0
    header, *rows = csv.reader(io.StringIO(result.stdout))
    assert header == ["file", "rank", "tag", "probability"]
    assert [row[1:3] for row in rows] == [["1", "up"], ["2", "flat"], ["3", "down"]]
    expected = sigmoid(GAINS * 0.8)
    np.testing.assert_allclose([float(row[3]) for row in rows], expected, atol=1e-6)


def test_table_is_for_people(folder, tmp_path):
    one = call(folder, str(folder / "music/b.wav"), "--top", "1")
    assert one.exit_code == 0
    assert "up" in one.output
    assert "flat" not in one.output
    assert f"{sigmoid(0.8):.4f}" in one.output
    steps(tmp_path / "a [red] b.wav", [0.5])
    steps(tmp_path / "c.wav", [0.5])
    assert "a [red] b.wav" in call(folder, str(tmp_path)).output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "jsn"], "Unknown format 'jsn' in --format. Did you mean 'json'"),
        (["--windows", "won"], "Unknown window protocol 'won'"),
        (["--hop-seconds", "0", "--taggram", "out"], "--hop-seconds must be above 0, got 0.0"),
    ],
)
def test_wrong_options_are_named(folder, monkeypatch, capsys, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    given = ["predict", str(folder / "music/b.wav"), "-c", str(folder / "level"), *arguments]
    monkeypatch.setattr("sys.argv", ["tagbench", *given])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


# Taggram


def test_hops_reach_the_end():
    assert hop_starts(10, 4, 3).tolist() == [0, 3, 6]
    assert hop_starts(11, 4, 3).tolist() == [0, 3, 6, 7]
    assert hop_starts(4, 4, 9).tolist() == [0]
    assert hop_starts(2, 4, 1).tolist() == [0]


def test_cells_of_picture_meet_between_windows():
    assert time_edges(np.array([1.0, 3.0, 4.0]), 5.0).tolist() == [0.0, 2.0, 3.5, 5.0]
    assert time_edges(np.array([2.0]), 1.5).tolist() == [0.0, 1.5]


def test_taggram_follows_the_music(model, tmp_path):
    audio = steps(tmp_path / "x.wav", [0.9, -0.3, 0.6])
    gram = taggram(model, ("up", "flat", "down"), audio, hop_seconds=0.25)
    assert gram.starts.tolist() == [0, 0.25, 0.5, 0.75, 1.0]
    levels = [0.9, 0.3, -0.3, 0.15, 0.6]
    np.testing.assert_allclose(gram.scores, sigmoid(np.outer(levels, GAINS)), atol=1e-6)
    write_csv(gram, tmp_path / "x.csv")
    header, *rows = csv.reader((tmp_path / "x.csv").read_text(encoding="utf-8").splitlines())
    assert header == ["seconds", "up", "flat", "down"]
    assert [row[0] for row in rows] == ["0.000", "0.250", "0.500", "0.750", "1.000"]
    np.testing.assert_allclose(np.float64(rows)[:, 1:], gram.scores, atol=1e-6)
    write_picture(gram, tmp_path / "x.png", "x")
    first = (tmp_path / "x.png").read_bytes()
    write_picture(gram, tmp_path / "x.png", "x")
    assert first == (tmp_path / "x.png").read_bytes()


def test_command_writes_taggrams_of_all_files(folder, tmp_path):
    import matplotlib.image

    result = call(folder, str(folder / "music"), "--taggram", str(tmp_path / "out"))
    assert result.exit_code == 1  # the broken file
    files = sorted(path.relative_to(tmp_path / "out") for path in tmp_path.rglob("*.*"))
    assert [str(path) for path in files] == ["b.csv", "b.png", "deep/a.csv", "deep/a.png"]
    rows = (tmp_path / "out/deep/a.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 4  # windows back to back
    picture = matplotlib.image.imread(tmp_path / "out/deep/a.png")
    assert picture.shape[1] == 1350
    assert picture.std() > 0.05


def test_files_of_one_name_do_not_overwrite_each_other(tmp_path):
    paths = [tmp_path / "one/x.wav", tmp_path / "two/x.wav", tmp_path / "two/x.mp3"]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    stems = output_stems(find_audio(paths), Path("out"))
    assert list(stems.values()) == [Path("out/x"), Path("out/x-2"), Path("out/x-3")]
