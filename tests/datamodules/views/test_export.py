"""Export of a view as a table, and its command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli import app
from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import Float32
from datamodules.datasets.local_folder import Folder
from datamodules.views.base import View
from datamodules.views.catalogue import make_view
from datamodules.views.export import export_view
from datamodules.views.fma_features import FmaFeatures
from tests.support.music import folder as music_folder


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return music_folder(tmp_path_factory.mktemp("export") / "music", counts=(2, 1, 1), seconds=0.5)


@pytest.fixture(scope="module")
def corpus(music: Path) -> Corpus:
    data = Folder(data=str(music), root=music.parent / "data", workers=1)
    data.prepare_data()
    return data.corpus


def test_the_command_writes_a_table_that_opens_like_that_of_fma(
    music: Path, corpus: Corpus, tmp_path: Path
) -> None:
    out = tmp_path / "features.csv"
    command = ["export", "--dataset", "folder", "--data", str(music), "--view", "fma_features"]
    command += ["--data-root", str(music.parent / "data"), "--view-param", "sets=mfcc/zcr"]
    result = CliRunner().invoke(app, [*command, "--out", str(out)])
    assert result.exit_code == 0, result.output
    table = pd.read_csv(out, index_col=0, header=[0, 1, 2])
    assert list(table.columns.names) == ["feature", "statistics", "number"]
    assert table.index.name == "track_id"
    assert table.index.tolist() == list(corpus.track_ids)
    assert table["mfcc", "mean"].columns.tolist() == [f"{n:02d}" for n in range(1, 21)]
    expected = FmaFeatures(corpus.sample_rate, "mfcc/zcr").compute(corpus.audio(1))[0]
    np.testing.assert_array_equal(table.iloc[1].to_numpy(np.float32), expected)


class Halves(View):
    """Mean square of each half of a track."""

    name = "halves"
    width = 1
    seconds_per_row = 0.25

    def compute(self, audio: Float32) -> Float32:
        halves = audio[: len(audio) // 2 * 2].reshape(2, -1)
        return np.asarray((halves**2).mean(axis=1, keepdims=True), np.float32)


def test_rows_of_a_track_are_numbered(corpus: Corpus, tmp_path: Path) -> None:
    export_view(corpus, Halves(corpus.sample_rate), tmp_path / "halves.csv")
    table = pd.read_csv(tmp_path / "halves.csv", index_col=[0, 1])
    assert table.index.names == ["track_id", "row"]
    assert table.index.get_level_values("row").tolist() == [0, 1] * len(corpus)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("fma_feature", {}, "Unknown view 'fma_feature' in --view. Did you mean 'fma_features'"),
        ("fma_features", {"set": "mfcc"}, "Unknown parameter of the view fma_features 'set'"),
        ("fma_features", {"sample_rate": "high"}, "sample_rate must be int, got 'high'"),
    ],
)
def test_unknown_names_and_values_are_rejected(
    name: str, parameters: dict[str, str], message: str
) -> None:
    with pytest.raises(TagbenchError, match=message):
        make_view(name, parameters, 44100)
