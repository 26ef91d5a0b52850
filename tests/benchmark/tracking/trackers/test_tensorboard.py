"""Event files of a sweep, compared with the numbers in the results folder."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tensorboardX.proto.event_pb2 import Event

from benchmark.tracking.trackers import base, tensorboard
from datamodules.common.errors import TagbenchError
from tests.support.bench import Bench
from tests.support.command_line import call

Scalars = dict[tuple[str, int], float]


def values(folder: Path) -> Iterator[tuple[int, Any]]:
    """Yield the step and value of each record of a run: length, checksum, content, checksum."""
    for path in sorted(folder.glob("events.out.tfevents.*")):
        content, at = path.read_bytes(), 0
        while at < len(content):
            (length,) = struct.unpack_from("<Q", content, at)
            event = Event.FromString(content[at + 12 : at + 12 + length])
            at += 16 + length
            yield from ((event.step, value) for value in event.summary.value)


def scalars(folder: Path) -> Scalars:
    return {
        (value.tag, step): value.simple_value
        for step, value in values(folder)
        if value.WhichOneof("value") == "simple_value"
    }


@pytest.fixture(scope="module")
def bench(finished_sweep: Bench, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A sweep that logged to TensorBoard as it went."""
    return finished_sweep.copy(tmp_path_factory.mktemp("tensorboard") / "results")


@pytest.fixture(scope="module")
def runs(bench: Bench) -> Path:
    return bench.results / "folder" / "tensorboard"


def trained(runs: Path) -> Path:
    (folder,) = runs.glob("train.folder.musicnn.s0.*")
    return folder


def test_training_has_the_scalars_of_each_epoch(bench: Bench, runs: Path):
    folder = trained(runs)
    cell = folder.name.rpartition(".")[2]
    metrics = json.loads((bench.results / "cells" / cell / "metrics.json").read_text())
    logged = scalars(folder)
    assert len(metrics["history"]) == 3
    for point in metrics["history"]:
        step = point.pop("trainer/global_step") - 1
        assert {name: logged[name, step] for name in point} == pytest.approx(point, rel=1e-6)


def test_scores_and_curves_are_those_of_the_tables(bench: Bench, runs: Path):
    board = pd.read_csv(bench.results / "folder" / "leaderboard.csv").set_index("model")
    table = pd.read_csv(bench.results / "folder" / "robustness.csv")
    for model in ("musicnn", "tag_prior"):
        logged = scalars(runs / f"evaluate.folder.{model}")
        for name in ("roc_auc", "pr_auc", "rank"):
            assert logged[name, 0] == pytest.approx(board.loc[model, name])
        curve = table.query(
            "model == @model and metric == 'roc_auc' and perturbation != 'pitch_up'"
        )
        points = {row.severity: row.value for row in curve.itertuples()}
        assert len(points) > 1
        drawn = {step: y for (name, step), y in logged.items() if name == "curves/white_noise"}
        assert drawn == pytest.approx(points)


def test_figures_and_leaderboard_are_shown(bench: Bench, runs: Path):
    found = {v.tag: v for _, v in values(runs / "leaderboard.folder")}
    figures = bench.results / "folder" / "report" / "figures"
    names = {f"figures/{path.stem}" for path in figures.glob("*.png")}
    assert names
    assert all(found[name].image.encoded_image_string.startswith(b"\x89PNG") for name in names)
    (text,) = found["leaderboard/text_summary"].tensor.string_val
    assert b"| model |" in text.splitlines()[0]
    assert b"| musicnn | " in text


def test_sync_writes_what_is_missing_and_nothing_twice(bench: Bench, runs: Path, tmp_path: Path):
    command = ("tensorboard-sync", "folder", "--results", str(bench.results))
    assert "0 runs written, 5 unchanged" in call(*command).stdout
    live = scalars(trained(runs))
    shutil.rmtree(runs)
    assert "5 runs written" in call(*command).stdout
    again = scalars(trained(runs))
    epochs = [key for key in live if key[0] in ("train_loss", "valid_loss", "epoch")]
    assert len(epochs) == 9
    assert {key: again[key] for key in epochs} == pytest.approx({k: live[k] for k in epochs})


def test_a_missing_package_and_a_wrong_name_say_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        tensorboard, "find_spec", lambda name: None if name == "tensorboardX" else find_spec(name)
    )
    with pytest.raises(TagbenchError, match=r"tagbench\[dashboards\]"):
        base.check(["tensorboard"])
    with pytest.raises(TagbenchError, match="tensorboard"):
        base.check(["tensorbord"])
