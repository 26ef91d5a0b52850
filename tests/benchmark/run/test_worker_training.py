"""Training cells: checkpoints, and training that resumes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.plan.jobs import Job
from benchmark.run.worker import run
from benchmark.store.store import Store
from tests.support.small_experiment import SmallExperiment, checkpoint_weights, run_job, select


def test_training_reports_steps_and_leaves_a_checkpoint(
    experiment: SmallExperiment, trained: Store
):
    (cell,) = select(experiment.plan().training, model="musicnn")
    metrics = trained.metrics(cell.id)
    assert metrics["epochs_run"] == 3
    assert metrics["tags"] == ["high", "low", "noisy"]
    assert np.isfinite(metrics["valid_loss"])
    assert "spec_bn.weight" in checkpoint_weights(trained, cell)


def test_training_moves_the_weights(experiment: SmallExperiment, trained: Store):
    (cell,) = select(experiment.plan().training, model="musicnn")
    module = load_checkpoint(trained.folder(cell.id))[0]
    fresh = type(module).build(seed=0, n_tags=3)
    assert not torch.equal(module.dense1.weight, fresh.dense1.weight)


@pytest.mark.parametrize("epochs_before", [1, 2])
def test_resumed_training_equals_uninterrupted(
    experiment: SmallExperiment, trained: Store, epochs_before: int
):
    name = f"resumed-{epochs_before}"
    store = experiment.store(name)
    (cell,) = select(experiment.plan().training, model="musicnn")
    job = Job((cell,), "train")

    def stop(event: Mapping[str, Any]) -> None:
        # Two steps an epoch: stop in the middle of the next one.
        if event["event"] == "progress" and event["done"] == 2 * epochs_before + 1:
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        run(job, experiment.runtime(name), stop)
    assert (store.folder(cell.id) / "last.ckpt").is_file()
    assert store.state(cell.id) == "pending"
    run_job(job, experiment.runtime(name))
    again, whole = checkpoint_weights(store, cell), checkpoint_weights(trained, cell)
    assert again.keys() == whole.keys()
    for key, value in whole.items():
        assert torch.equal(again[key], value), key


def test_training_restarts_from_a_damaged_checkpoint(experiment: SmallExperiment, trained: Store):
    store = experiment.store("damaged")
    (cell,) = select(experiment.plan().training, model="musicnn")
    (store.folder(cell.id) / "last.ckpt").write_bytes(b"cut")
    run_job(Job((cell,), "train"), experiment.runtime("damaged"))
    for key, value in checkpoint_weights(trained, cell).items():
        assert torch.equal(checkpoint_weights(store, cell)[key], value), key
