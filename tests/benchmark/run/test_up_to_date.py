"""A run with nothing left to do is recognised from digests, without torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from datamodules.corpus.corpus import Corpus
from tests.support.command_line import call
from tests.support.paths import ROOT

WITHOUT_TORCH = """
import sys
from benchmark.cli import app
app(sys.argv[1:], standalone_mode=False)
assert "torch" not in sys.modules, "torch was imported"
"""


@pytest.fixture(scope="module")
def arguments(smoke_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Arguments of a finished run of the tag prior on the smallest corpus."""
    root = tmp_path_factory.mktemp("again")
    arguments = [
        "run", "--dataset", "synth_smoke", "--models", "tag_prior", "--perturbations", "none",
        "--wandb", "disabled", "--results", str(root / "results"),
        "--data-root", str(smoke_corpus.root.parent),
    ]  # fmt: skip
    done = call(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return arguments


def test_a_finished_run_is_shown_again_without_torch(arguments: list[str]):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "synth_smoke: 17 train, 5 valid, 8 test tracks, 22 tags" in done.stdout
    assert "2 cells, 2 done, 0 to do" in done.stdout
    assert "tag_prior" in done.stdout


def test_a_deleted_table_comes_back(arguments: list[str]):
    results = Path(arguments[arguments.index("--results") + 1])
    board = results / "synth_smoke" / "leaderboard.csv"
    content = board.read_bytes()
    board.unlink()
    assert call(*arguments).returncode == 0
    assert board.read_bytes() == content


def test_a_damaged_cell_is_evaluated_again(arguments: list[str]):
    results = Path(arguments[arguments.index("--results") + 1])
    (predictions,) = results.glob("cells/*/predictions.npz")
    content = predictions.read_bytes()
    predictions.write_bytes(content[:-1])
    done = call(*arguments)
    assert "2 cells, 1 done, 1 to do" in done.stdout
    assert predictions.read_bytes() == content
