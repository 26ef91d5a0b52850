"""Verbs for models on disk: unwritable places, narrow terminals and other encodings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import warm_process
from tests.support.command_line import Finished
from tests.support.level_model import checkpoint, steps
from tests.support.paths import ROOT


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    checkpoint(root / "level", tags=("a tag of several words", "b", "c"))
    steps(root / "clip é.wav", [0.8])
    (root / "file").write_text("not a folder")
    return root


def tagbench(folder: Path, *arguments: str, **environment: str) -> Finished:
    return warm_process.call("-m", "benchmark", *arguments, cwd=folder, environment=environment)


def test_an_unwritable_place_is_one_line(folder: Path):
    done = tagbench(folder, "predict", "clip é.wav", "-c", "level", "--taggram", "file/grams")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: file/grams cannot be written: ")
    assert done.stderr.endswith("name another place with --taggram.\n")
    assert done.stderr.count("\n") == 1


def test_an_import_into_an_unwritable_place_is_one_line(folder: Path):
    import torch

    from lightning_modules.architectures.fcn import FCN

    torch.save(FCN.build(0, n_tags=50).state_dict(), folder / "fcn.pth")
    options = ["--model", "fcn", "--dataset", "mtat", "--out", "file"]
    done = tagbench(folder, "import-checkpoint", "fcn.pth", *options)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: file cannot be written: ")
    assert done.stderr.count("\n") == 1


def test_a_full_disk_behind_stdout_is_one_line(folder: Path):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    command = f"{sys.executable} -m benchmark list presets > /dev/full"
    done = subprocess.run(
        command, shell=True, cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "Error: Cannot write the output: No space left on device.\n"


def test_narrow_terminals_and_other_encodings(folder: Path):
    done = tagbench(
        folder, "predict", "clip é.wav", "-c", "level", PYTHONIOENCODING="ascii", COLUMNS="20"
    )
    assert done.returncode == 0, done.stderr
    assert "clip ?.wav" in done.stdout
    assert "0.6900 a tag of" in done.stdout  # sigmoid(0.8), not cut
    wide = tagbench(folder, "predict", "clip é.wav", "-c", "level", PYTHONIOENCODING="cp1252")
    assert wide.returncode == 0, wide.stderr
    assert "?" * round(0.69 * 30) in wide.stdout  # the bar
