"""An experiment whose training cells are finished."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmark.plan.jobs import Job
from benchmark.store.store import Store
from datamodules.common.filesystem import exclusive_lock
from tests.support.small_experiment import SmallExperiment, run_job


@pytest.fixture(scope="session")
def shared_root(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Folder that all workers of a test run share."""
    root = tmp_path_factory.getbasetemp()
    root = (root if worker_id == "master" else root.parent) / "experiment"
    root.mkdir(exist_ok=True)
    return root


@pytest.fixture(scope="session")
def experiment(shared_root: Path, tmp_path_factory: pytest.TempPathFactory) -> SmallExperiment:
    """An experiment whose corpus is prepared once for all workers."""
    with exclusive_lock(shared_root / "lock", lambda: None):
        return SmallExperiment(shared_root, tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="session")
def trained(experiment: SmallExperiment, shared_root: Path) -> Store:
    """A store in which both models are trained, once for all workers; each has a copy."""
    results = shared_root / "trained"
    with exclusive_lock(shared_root / "lock", lambda: None):
        if not results.exists():
            store = experiment.store("trained")
            for cell in experiment.plan().training:
                events = run_job(Job((cell,), "train"), experiment.runtime("trained"))
                assert events[-1] == {"event": "done", "cell": cell.id}, store.failure(cell.id)
            shutil.move(experiment.results_root / "trained", results)
    return Store(shutil.copytree(results, experiment.results_root / "whole"))
