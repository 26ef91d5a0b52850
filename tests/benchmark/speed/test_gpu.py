"""The measurement of one GPU: its sections at small sizes on the CPU, and how it handles errors."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import Result
from typer.testing import CliRunner

from benchmark.speed.__main__ import app
from benchmark.speed.gpu import run
from benchmark.speed.gpu.child import Setup
from benchmark.speed.gpu.models import parity, repeatability
from benchmark.speed.gpu.tables import Results
from datamodules.common.errors import TagbenchError

BROKEN = """\
class: lightning_modules.architectures.fcn.FCN
title: A model that cannot be built
params: {n_mels: 1}
"""


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["gpu", *arguments], catch_exceptions=False)


def test_a_failing_model_is_a_row_and_the_others_are_measured(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text(BROKEN)
    done = command(
        "--device", "cpu", "--models", f"{tmp_path / 'broken.yaml'},sample_cnn",
        "--sections", "parity", "--out", str(tmp_path / "out"),
    )  # fmt: skip
    assert done.exit_code == 1, done.output
    document = json.loads((tmp_path / "out" / "gpu.json").read_text())
    (parity,) = document["rows"]["parity"]
    assert parity["model"] == "sample_cnn"
    assert parity["fp32"] == 0.0  # the CPU compared with itself
    assert parity["bf16"] > 0.0
    assert parity["range over windows"] > 0.01
    (problem,) = document["problems"]
    assert (problem["section"], problem["status"]) == ("parity", "failed")
    assert "broken.yaml: failed" in (tmp_path / "out" / "gpu.md").read_text()


@pytest.mark.parametrize("name", ["mlp_matt", "dai2016_dnn", "fma_knn"])
def test_models_of_views_are_compared_on_rows_of_their_view(name: str, tmp_path: Path) -> None:
    setup = Setup("cpu", True, str(tmp_path))
    (row,) = parity(name, setup)
    assert row["fp32"] == 0.0  # the CPU compared with itself
    assert row["range over windows"] > 0.01
    assert all(row["equal bits"] for row in repeatability(name, setup))


@pytest.mark.slow
def test_every_section_is_measured(tmp_path: Path) -> None:
    done = command(
        "--device", "cpu", "--models", "sample_cnn", "--out", str(tmp_path),
    )  # fmt: skip
    assert done.exit_code == 0, done.output + (tmp_path / "gpu.log").read_text()
    rows = json.loads((tmp_path / "gpu.json").read_text())["rows"]
    assert {"setting": "device", "value": "cpu"} in rows["settings"]
    assert [(row["dtype"], row["equal bits"]) for row in rows["repeatability"]] == [
        ("fp32", True), ("bf16", True),
    ]  # fmt: skip
    assert {(row["mode"], row["dtype"]) for row in rows["speed"]} == {
        ("forward", "fp32"), ("step", "fp32"), ("forward", "bf16"), ("step", "bf16"),
    }  # fmt: skip
    assert [row["equal bits"] for row in rows["training"]] == [True]
    parts = [row["part"].partition(",")[0] for row in rows["sweep"]]
    assert parts[1:4] == ["perturbing once", "forward passes", "sweep"]
    assert parts[4].startswith("bottleneck: ")


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is present")
def test_without_a_gpu_it_says_so_in_one_line() -> None:
    with pytest.raises(TagbenchError, match="finds 0 CUDA devices") as error:
        command()
    assert "\n" not in str(error.value)


class Hanging:
    """A process that measures one item and does not answer for the next."""

    started = 0

    def __init__(self, section: str, log: object) -> None:
        Hanging.started += 1
        self.items: list[str] = []

    def send(self, request: Mapping[str, Any]) -> None:
        self.items = request["items"]

    def events(self, deadline: Callable[[], float]) -> Iterator[dict[str, Any]]:
        first, *rest = self.items
        yield {"event": "start", "item": first}
        yield {"event": "row", "row": {"model": first, "within bar": True}}
        yield {"event": "done", "item": first}
        if rest:
            yield {"event": "start", "item": rest[0]}
            raise TimeoutError

    def end(self, *, patience_s: float = 0) -> int:
        return 0


def test_a_process_that_hangs_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "Child", Hanging)
    results = Results(tmp_path, lambda line: None)
    results.start("parity", 60)
    section = run._Section("parity", Setup("cpu", True, str(tmp_path)), io.StringIO(), results)
    section.run(Hanging("parity", None), ["a", "b", "c", "d"], time.monotonic() + 60)  # type: ignore[arg-type]
    assert [row["model"] for row in results.rows["parity"]] == ["a", "c"]
    assert [(row["item"], row["reason"]) for row in results.problems] == [
        ("b", "stopped at the time limit"), ("d", "stopped at the time limit"),
    ]  # fmt: skip
    assert Hanging.started == 2


def test_items_without_time_left_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "Child", Hanging)
    results = Results(tmp_path, lambda line: None)
    results.start("parity", 0)
    section = run._Section("parity", Setup("cpu", True, str(tmp_path)), io.StringIO(), results)
    section.run(Hanging("parity", None), ["a", "b", "c"], time.monotonic() - 1)  # type: ignore[arg-type]
    assert [(row["item"], row["status"]) for row in results.problems] == [
        ("b", "failed"), ("c", "skipped"),
    ]  # fmt: skip
