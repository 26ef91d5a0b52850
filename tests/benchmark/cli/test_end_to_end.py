"""The command line on a finished sweep, and its answers to mistakes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmark.cli import main
from benchmark.run.executors import local
from tests.support.bench import Bench
from tests.support.paths import ROOT


@pytest.fixture(scope="module")
def bench(finished_sweep: Bench, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A finished small sweep."""
    return finished_sweep.copy(tmp_path_factory.mktemp("e2e") / "whole")


def test_tables_hold_every_model_and_condition(bench: Bench):
    board = pd.read_csv(bench.results / "folder" / "leaderboard.csv")
    assert set(board["model"]) == {"tag_prior", "musicnn"}
    prior = board[board["model"] == "tag_prior"].iloc[0]
    assert prior["roc_auc"] == pytest.approx(0.5)
    robustness = pd.read_csv(bench.results / "folder" / "robustness.csv")
    heard = set(robustness["perturbation"])
    assert {"pitch_up", "white_noise"} <= heard
    assert (bench.results / "folder" / "report" / "index.html").stat().st_size > 10_000


def test_again_does_nothing_and_changes_no_byte(bench: Bench):
    before = bench.csvs()
    done = bench.call(bench.run_arguments())
    assert done.returncode == 0
    assert "8 cells, 8 done, 0 to do" in done.stdout
    assert bench.csvs() == before


def test_verify_confirms_then_finds_a_changed_digit(bench: Bench):
    assert bench.call(bench.arguments("verify")).returncode == 0
    path = bench.results / "folder" / "leaderboard.csv"
    whole = path.read_bytes()
    frame = pd.read_csv(path)
    frame.loc[frame["model"] == "musicnn", "roc_auc"] += 0.001
    frame.to_csv(path, index=False)
    done = bench.call(bench.arguments("verify"))
    path.write_bytes(whole)
    assert done.returncode == 1
    assert "roc_auc" in done.stdout


def test_status_and_dry_run(bench: Bench):
    status = bench.call(bench.arguments("status"))
    assert status.returncode == 0
    assert "3/3" in status.stdout
    command = [sys.executable, "-m", "benchmark", *bench.arguments("status"), "--watch"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None
        assert any("3/3" in line for line in watch.stdout)
        assert watch.poll() is None  # it waits for the next table
        watch.terminate()
        watch.stdout.read()
        assert watch.wait() == 143
    plan = bench.call(bench.run_arguments("tag_prior,musicnn", "--dry-run"))
    assert plan.returncode == 0
    assert "2 training cells, 6 evaluation cells" in plan.stdout


MISTAKES = [
    (["run", "--models", "musicn"], "Did you mean 'musicnn'"),
    (["run", "--dataset", "folde"], "Did you mean 'folder'"),
    (["run", "--dataset", "folder"], "--data"),
    (["run", "--dataset", "folder", "--data", "/nowhere/at/all"], "/nowhere/at/all"),
    (["run", "--perturbations", "pitch_shfit"], "Did you mean 'pitch_shift'"),
    (["run", "--perturbations", "white_noise:9"], "level of white_noise '9'"),
    (["run", "--perturbations", "white_noise:moderat"], "Did you mean 'moderate'"),
    (["run", "--preset", "quik"], "Did you mean 'quick'"),
    (["run", "--seeds", "zero"], "expected integers"),
    (["run", "--wandb", "ofline"], "Did you mean 'offline'"),
    (["run", "--executor", "rey"], "Did you mean 'ray'"),
    (["run", "--devices", "cuda:99"], "Unknown device 'cuda:99'"),
    (["run", "--devices", "cuda:99", "--dry-run"], "Unknown device 'cuda:99'"),
    (["list", "modles"], "Did you mean 'models'"),
    (["status"], "Run a benchmark first"),
    (["leaderboard", "--dataset", "synth"], "Run a benchmark first"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=[" ".join(a) for a, _ in MISTAKES])
def test_a_mistake_is_one_message_and_code_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("TAGBENCH_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("TAGBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(local, "start_server", lambda: None)  # nothing gets as far as a job
    monkeypatch.setattr(sys, "argv", ["tagbench", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    shown = capsys.readouterr()
    assert stopped.value.code == 2, shown.out + shown.err
    assert message in shown.err
    assert shown.err.startswith("Error: ")
    assert len(shown.err.strip().splitlines()) <= 6


def test_a_typo_in_a_yaml_key(tmp_path: Path):
    path = tmp_path / "mine.yaml"
    path.write_text("class: lightning_modules.architectures.fcn.FCN\nparms: {}\n")
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", "run", "--models", str(path)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 2
    assert "mine.yaml: unknown key 'parms'. Did you mean 'params'" in done.stderr


def test_cells_say_what_they_are(bench: Bench):
    cells = [json.loads(p.read_text()) for p in bench.results.glob("cells/*/cell.json")]
    assert len(cells) == 8
    for cell in cells:
        text = json.dumps(cell["preimage"])
        assert str(bench.root) not in text, "a path of this machine entered an identity"


@pytest.mark.parametrize(
    ("verb", "occupied"), [("leaderboard", "robustness.csv"), ("report", "report")]
)
def test_results_that_cannot_be_written_are_one_line(
    bench: Bench, tmp_path: Path, verb: str, occupied: str
):
    """A folder or file in the place of an output, as permissions do not stop the root user."""
    other = bench.copy(tmp_path / "results")
    path = other.results / "folder" / occupied
    if path.is_dir():
        shutil.rmtree(path)
        path.write_text("not a folder")
    else:
        path.unlink()
        (path / "not a file").mkdir(parents=True)
    done = other.call(other.arguments(verb))
    assert done.returncode == 2
    assert done.stderr.startswith("Error: Cannot read or write ")
    assert len(done.stderr.strip().splitlines()) == 1


def test_verify_names_cells_of_other_decoded_samples(bench: Bench, tmp_path: Path):
    other = bench.copy(tmp_path / "results")
    path = other.results / "folder" / "sweep.json"
    record = json.loads(path.read_text())
    digest, record["info"]["samples_digest"] = record["info"]["samples_digest"], "f" * 64
    path.write_text(json.dumps(record))
    done = other.call(other.arguments("verify"))
    assert done.returncode == 0  # a caution: the tables still follow from the predictions
    shown = " ".join(done.stdout.split())
    assert f"6 cells of folder were evaluated on decoded samples {digest[:12]}" in shown
    assert f"not on {'f' * 12} of the run record" in shown
