"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from datamodules.common.filesystem import exclusive_lock
from tests.support.bench import Bench

LONGEST = (
    "tests/benchmark/run/test_resume.py",
    "tests/benchmark/train/test_distributed.py",
    "tests/benchmark/run/test_executors.py",
    "tests/test_contributing.py",
    "tests/benchmark/run/test_stages.py",
    "tests/datamodules/datasets/test_magnatagatune.py",
)
"""Modules that take a minute, which start first: a worker with one of them may not be the last."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move the tests of the longest modules to the front."""
    rank = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.nodeid.partition("::")[0], len(rank)))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real music and metadata that never travels with the project.

    ``TAGBENCH_TEST_DATA`` names it; by default it is looked for beside the checkout.
    """
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("TAGBENCH_TEST_DATA", default))
    if not folder.is_dir():
        pytest.skip("real data is not here: set TAGBENCH_TEST_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def finished_sweep(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Bench:
    """A small sweep, run once for all tests and workers; ``copy`` gives one that may be changed."""
    root = tmp_path_factory.getbasetemp()
    root = (root if worker_id == "master" else root.parent) / "sweep"
    root.mkdir(exist_ok=True)
    with exclusive_lock(root / "lock", lambda: None):
        bench = Bench(root, "finished")
        if not (root / "done").exists():
            trackers = ("--tracker", "tensorboard")
            run = bench.call(bench.run_arguments("tag_prior,musicnn", *trackers, wandb="offline"))
            assert run.returncode == 0, run.stdout + run.stderr
            (root / "done").touch()
    return bench
