"""A trained cell given as a checkpoint: the run, its status, and each of its cells by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from benchmark.store.run_record import load
from benchmark.store.store import Store
from benchmark.ui.config import UiConfig
from benchmark.ui.models import find_models
from tests.support.bench import Bench


def test_a_trained_cell_is_run_as_a_checkpoint(finished_sweep: Bench, tmp_path: Path) -> None:
    store = Store(finished_sweep.results)
    trained = next(
        cell["id"]
        for cell in load("folder", store).of_kind("train")
        if cell["labels"]["model"] == "musicnn"
    )
    folder = tmp_path / "a, comma"  # a name is not split where it stands for a folder
    shutil.copytree(store.folder(trained), folder)
    bench = Bench(finished_sweep.root, "imported")
    done = bench.call([*bench.run_arguments(""), "--checkpoints", str(folder)])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 cells, 0 done, 4 to do" in done.stdout
    status = bench.call(bench.arguments("status"))
    assert status.returncode == 0, status.stderr
    assert "1/1" in status.stdout
    assert "3/3" in status.stdout
    imported = load("folder", Store(bench.results)).of_kind("import")[0]["id"]
    places = {"data_root": bench.root, "checkpoints": (), "scratch": tmp_path}
    offered = find_models(UiConfig(bench.results, token="", port=1, **places))
    assert offered[imported].detail == "imported"
    own = {cell["id"]: cell for cell in load("folder", Store(bench.results)).cells}
    for cell in own:
        (bench.results / "cells" / cell / "metrics.json").unlink()
    order = sorted(own, key=lambda cell: len(own[cell]["depends_on"]))
    early = bench.call(bench.arguments("cell", order[-1], "--data-root", str(bench.root / "data")))
    assert early.returncode == 2
    assert f"tagbench cell {order[0]}" in early.stderr
    for cell in order[:2]:  # the import, then an evaluation of it
        again = bench.call(bench.arguments("cell", cell, "--data-root", str(bench.root / "data")))
        assert again.returncode == 0, again.stdout + again.stderr
        assert json.loads((bench.results / "cells" / cell / "metrics.json").read_text())["files"]
