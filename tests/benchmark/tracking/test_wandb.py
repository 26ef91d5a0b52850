"""Content of offline W&B run files, and the choice of the mode."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console
from wandb.sdk.wandb_settings import Settings

from benchmark.report.labels import file_part
from benchmark.score.tables.schema import all_tables
from benchmark.store import open_results
from benchmark.tracking import wandb
from benchmark.tracking.sync import sync
from datamodules.common.errors import TagbenchError
from tests.support.bench import Bench
from tests.support.paths import ROOT
from tests.support.wandb_files import offline_runs

ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("WANDB")}


def call(command: list[str]) -> str:
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env=ENVIRONMENT, timeout=400
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def bench(finished_sweep: Bench, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A sweep that wrote W&B runs offline as it went."""
    return finished_sweep.copy(tmp_path_factory.mktemp("wandb") / "results")


@pytest.fixture(scope="module")
def runs(bench: Bench) -> list[dict[str, Any]]:
    return offline_runs(bench.results)


def test_one_group_without_an_entity(runs: list[dict[str, Any]]):
    assert {run["project"] for run in runs} == {"tagbench"}
    assert {run["entity"] for run in runs} == {""}
    groups = {run["group"] for run in runs}
    assert len(groups) == 1
    assert groups.pop().startswith("folder-")


def test_job_types(runs: list[dict[str, Any]]):
    kinds = sorted(run["job_type"] for run in runs)
    assert kinds == ["evaluate", "evaluate", "leaderboard", "train", "train"]


def test_training_logs_metrics_and_config(runs: list[dict[str, Any]]):
    training = [run for run in runs if run["job_type"] == "train"]
    learnt = next(run for run in training if run["config"]["labels.model"] == "musicnn")
    assert {"train_loss", "valid_loss", "valid_roc_auc"} <= learnt["history"]
    assert learnt["config"]["recipe.epochs"] == 3
    assert len(learnt["run_id"]) == 16  # the cell's own id


def test_evaluation_and_leaderboard_tables(runs: list[dict[str, Any]]):
    evaluation = next(
        run for run in runs if run["job_type"] == "evaluate" and run["config"]["model"] == "musicnn"
    )
    assert 0 <= evaluation["summary"]["roc_auc"] <= 1
    assert {"robustness", "per_tag"} <= evaluation["history"]
    assert all(name.split("/")[0] in TABLES | {"curves"} | OWN for name in evaluation["history"])
    board = next(run for run in runs if run["job_type"] == "leaderboard")
    assert {"leaderboard", "robustness", "per_tag", "failures"} <= board["history"]


OWN = {"_step", "_runtime", "_timestamp", "_wandb", "figures"}
TABLES = set(all_tables())


def test_curves_and_pictures(bench: Bench, runs: list[dict[str, Any]]):
    board = next(run for run in runs if run["job_type"] == "leaderboard")
    pictures = {p.stem for p in (bench.results / "folder/report/figures").glob("*.png")}
    assert pictures
    assert {f"figures/{name}" for name in pictures} <= board["history"]
    curves = {name for name in board["history"] if name.startswith("curves/")}
    assert {name.removesuffix("_table") for name in curves} == {
        "curves/pitch_up",
        "curves/white_noise",
    }
    (table,) = (bench.results / "wandb").glob(
        "offline-run-*-leaderboard/files/media/table/curves/white_noise*.json"
    )
    content = json.loads(table.read_text())
    points = {
        (line, x): y
        for x, line, y in (
            [row[content["columns"].index(c)] for c in LINE] for row in content["data"]
        )
    }
    scores = pd.read_csv(bench.results / "folder" / "robustness.csv").query("metric == 'roc_auc'")
    for row in scores.itertuples():
        if row.perturbation in ("clean", "white_noise"):
            assert points.pop((row.model, row.severity)) == pytest.approx(row.value)
    assert not points


LINE = ("step", "lineKey", "lineVal")


def wandb_sync(results: Path, *more: str) -> str:
    return call([sys.executable, "-c", WITHOUT_TORCH, "wandb-sync", "folder", "--results",
                 str(results), "--wandb", "offline", *more])  # fmt: skip


WITHOUT_TORCH = """
import sys
from benchmark.cli import app
sys.argv[0] = "tagbench"
app(standalone_mode=False)
assert "torch" not in sys.modules, "torch was imported"
"""


def test_sync_fills_in_what_is_missing(bench: Bench, runs: list[dict[str, Any]], tmp_path: Path):
    assert "0 runs written (offline), 5 unchanged" in wandb_sync(bench.results)
    results = tmp_path / "results"
    shutil.copytree(bench.results, results, ignore=shutil.ignore_patterns("wandb", "logs"))
    assert "5 runs written" in wandb_sync(results)
    filled = {run["run_id"]: run for run in offline_runs(results)}
    for run in runs:
        other = filled.pop(run["run_id"])
        for fact in ("group", "job_type", "project"):
            assert other[fact] == run[fact]
        if run["job_type"] == "train":
            if run["config"]["labels.model"] == "musicnn":
                assert {"train_loss", "valid_loss", "valid_roc_auc", "epoch"} <= other["history"]
        else:
            assert other["history"] == run["history"]
    assert not filled
    # A training run whose cell is of a version that kept no curve says so.
    for path in results.glob("cells/*/metrics.json"):
        metrics = json.loads(path.read_text())
        metrics.pop("history", None)
        path.write_text(json.dumps(metrics))
    shown = wandb_sync(results, "--again")
    assert "5 runs written" in shown
    assert "Without training curves" in shown
    assert "train.folder.musicnn.s0" in shown


def test_curves_are_kept_by_epoch(bench: Bench):
    histories = [
        metrics["history"]
        for path in bench.results.glob("cells/*/metrics.json")
        if "history" in (metrics := json.loads(path.read_text()))
    ]
    assert sorted(len(history) for history in histories) == [0, 3]
    learnt = max(histories, key=len)
    assert [point["epoch"] for point in learnt] == [0, 1, 2]
    assert all({"train_loss", "valid_loss"} <= point.keys() for point in learnt)


def test_sync_needs_a_report(bench: Bench, tmp_path: Path):
    copy = Path(shutil.copytree(bench.results, tmp_path / "results"))
    results = open_results(copy)["folder"]
    with pytest.raises(TagbenchError, match="WANDB_MODE"):
        sync(results, "disabled", Console(quiet=True))
    shutil.rmtree(copy / "folder" / "report")
    with pytest.raises(TagbenchError, match="tagbench report --dataset folder"):
        sync(results, "offline", Console(quiet=True))


def test_ids_of_variants_are_accepted_and_differ() -> None:
    labels = ["fcn", "fcn+clmr", "svm[sets=mfcc/zcr,k=5]", "svm[sets=mfcc/zcr/k=5]"]
    ids = [file_part(label) for label in labels]
    assert ids[:2] == labels[:2]
    assert len(set(ids)) == 4
    assert all(Settings(run_id=name).run_id == name for name in ids)


def test_mode(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name in ("WANDB_MODE", "WANDB_API_KEY", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert wandb.resolve_mode("auto") == "offline"
    monkeypatch.setenv("WANDB_API_KEY", "x")
    assert wandb.resolve_mode("auto") == "online"
    assert wandb.resolve_mode("disabled") == "disabled"
    with pytest.raises(TagbenchError, match="offline"):
        wandb.resolve_mode("offlien")


def test_project(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    assert wandb.project() == "mine"
    monkeypatch.delenv("WANDB_PROJECT")
    assert wandb.project() == "tagbench"


def test_temporary_folders_are_removed_when_a_job_ends(tmp_path: Path) -> None:
    code = (
        "import multiprocessing\n"
        "from benchmark.tracking.wandb import load_wandb\n"
        "if __name__ == '__main__':\n"
        "    job = multiprocessing.get_context('fork').Process(target=load_wandb)\n"
        "    job.start()\n"
        "    job.join()\n"
        "    raise SystemExit(job.exitcode)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0
    assert not list(tmp_path.glob("*wandb-*"))
