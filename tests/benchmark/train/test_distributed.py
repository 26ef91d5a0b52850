"""Several processes that train one cell together (gloo, on the CPU)."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Mapping
from dataclasses import replace
from multiprocessing import forkserver
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmark.config.schema import BenchmarkFile
from benchmark.plan import build as plan
from benchmark.plan import matrix
from benchmark.plan.jobs import Job
from benchmark.run import preparation
from benchmark.run.executors import local
from benchmark.run.options import Options
from benchmark.run.sharing import check_devices
from benchmark.store.cells import PREDICTIONS, Cell
from benchmark.store.plans import Plan
from benchmark.store.predictions import load_predictions
from benchmark.store.store import Store
from benchmark.train import peers
from benchmark.train.group import Member
from datamodules.common.errors import TagbenchError
from tests.support import music
from tests.support.shared_training import FOLDER, Forked, Recorded, dies_when_ready
from tests.support.small_experiment import SmallExperiment, checkpoint_weights, run_job

PRESET = """
recipe: {{name: tiny, epochs: 3, batch_size: {batch}, optimizer: sgd, lr: 1e-2, schedule: constant,
         valid_windows: 3, grad_clip: 0.5, sync_batchnorm: true, monitor: valid_roc_auc}}
perturbations: []
severities: [3]
n_boot: 100
"""


class Shared:
    """The training of a small model, by one process or by several."""

    def __init__(self, root: Path) -> None:
        # Five validation tracks: two processes get three and two batches of them.
        music.folder(root / "music", counts=(10, 5, 4))
        self.root = root
        self.experiment = SmallExperiment(root, root / "results")
        model = "class: tests.support.shared_training.Recorded\n"
        stages = "lightning_modules.stages"
        pretraining = f"stage: {{class: {stages}.simclr.SimCLR, params: {{augment: null}}}}\n"
        tuning = (
            f"stage: {{class: {stages}.fine_tune.FineTune, params: {{freeze_encoder_epochs: 1}}, "
            f"parents: {{pretrained: {root / 'pretrained.yaml'}}}}}\n"
        )
        for name, stage in (("recorded", ""), ("pretrained", pretraining), ("tuned", tuning)):
            (root / f"{name}.yaml").write_text(model + stage, encoding="utf-8")

    def plan(self, batch: int, processes: int = 1, model: str = "recorded") -> Plan:
        preset = self.root / f"batch{batch}.yaml"
        preset.write_text(PRESET.format(batch=batch), encoding="utf-8")
        file = BenchmarkFile(
            datasets=["folder"], models=[str(self.root / f"{model}.yaml")], preset=str(preset)
        )
        checked = matrix.check(file)
        models = preparation.resolve_models(checked)
        dataset, corpus = self.experiment.dataset, self.experiment.corpus
        return plan.build(checked, dataset, corpus, models, processes=processes)

    def store(self, name: str, batch: int) -> tuple[Store, Cell]:
        store, (cell,) = Store(self.root / "results" / name), self.plan(batch).training
        store.register(cell)
        return store, cell

    def train(self, store: Store, cell: Cell, processes: int) -> list[Mapping[str, Any]]:
        runtime = self.experiment.runtime(store.results.name, peers=("cpu",) * (processes - 1))
        return run_job(Job((cell,), "train"), runtime)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    return Shared(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of the records of the processes, which inherit the environment."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    return tmp_path


@pytest.fixture
def forked_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork the other processes from the server of jobs, which takes a tenth of the time."""
    local.start_server()
    contexts = SimpleNamespace(get_context=lambda method: Forked)
    monkeypatch.setattr(peers, "multiprocessing", contexts)


def lines(path: Path) -> list[str]:
    """Return epoch, step, track and digest of each crop, and remove the record."""
    text = path.read_text(encoding="utf-8")
    path.unlink()
    return [line.rsplit(" ", 1)[0] for line in text.splitlines()]


def largest_difference(store: Store, other: Store, cell: Cell, name: str) -> float:
    ours, theirs = checkpoint_weights(store, cell, name), checkpoint_weights(other, cell, name)
    assert ours.keys() == theirs.keys()
    return max(float((ours[k].double() - theirs[k].double()).abs().max()) for k in ours)


def test_two_processes_train_as_one(shared: Shared, records: Path) -> None:
    planned = shared.plan(4, model="tuned")
    alone, both = (Store(shared.root / "results" / name) for name in ("one", "two"))
    start = Recorded.build(0, n_tags=len(shared.experiment.corpus.tags)).conv.weight.detach()
    # Two crops of a track in a step of the pre-training, and one in a step of the fine-tuning.
    for cell, crops in zip((*planned.parents, *planned.training), (2, 1), strict=True):
        for store in (alone, both):
            store.register(cell)
        assert shared.train(alone, cell, 1)[-1]["event"] == "done", alone.failure(cell.id)
        whole = lines(records / "rank0.txt")
        events = shared.train(both, cell, 2)
        assert events[-1] == {"event": "done", "cell": cell.id}, both.failure(cell.id)
        # Track i of a step is read by process i % 2.
        for rank in (0, 1):
            share = [line for i, line in enumerate(whole) if i // crops % 2 == rank]
            assert lines(records / f"rank{rank}.txt") == share
        for name in ("best.ckpt", "last.ckpt"):
            assert largest_difference(alone, both, cell, name) < 1e-5
        one, two = alone.metrics(cell.id), both.metrics(cell.id)
        assert (one["processes"], two["processes"]) == (1, 2)
        assert one["peak_rss_bytes"] > 0
        for expected, epoch in zip(one["history"], two["history"], strict=True):
            assert epoch == pytest.approx(expected, abs=1e-5)
            assert epoch.get("valid_roc_auc") == expected.get("valid_roc_auc")
        # It trained: the test would also pass if nothing happened.
        trained = checkpoint_weights(alone, cell, "last.ckpt")["conv.weight"]
        assert (trained - start).abs().max() > 1e-4
        start = trained
    # The evaluation does not know the difference.
    evaluations = planned.evaluations
    for store in (alone, both):
        runtime = shared.experiment.runtime(store.results.name)
        assert run_job(Job(evaluations, "evaluate"), runtime)[-1]["event"] == "done"
    for evaluation in evaluations:
        files = [store.folder(evaluation.id) / PREDICTIONS for store in (alone, both)]
        ours, theirs = (load_predictions(file).scores for file in files)
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.usefixtures("forked_peers")
def test_a_process_that_fails_ends_the_training_which_resumes(
    shared: Shared, records: Path
) -> None:
    # One step an epoch, and one batch of validation tracks: process 2 has none.
    (whole, cell), (store, _) = shared.store("whole", 10), shared.store("failing", 10)
    assert shared.train(whole, cell, 2)[-1]["event"] == "done"
    (records / "raise-1-1").touch()
    assert shared.train(store, cell, 2)[-1]["event"] == "failed"
    failure = store.failure(cell.id) or {}
    assert failure["message"] == "Process 2 of 2, on cpu, failed: ValueError: refused by rank 1"
    assert "shared_training.py" in failure["traceback"]
    (records / "kill-1-2").touch()
    assert shared.train(store, cell, 2)[-1]["event"] == "failed"
    assert "Process 2 of 2, on cpu, ended with code -9" in (store.failure(cell.id) or {})["message"]
    (records / "rank0.txt").unlink()
    assert shared.train(store, cell, 2)[-1]["event"] == "done"
    assert {line.split()[0] for line in lines(records / "rank0.txt")} == {"2"}
    assert store.failure(cell.id) is None
    for name in ("best.ckpt", "last.ckpt"):
        assert largest_difference(whole, store, cell, name) == 0.0


def test_no_process_outlives_that_of_rank_0(shared: Shared, records: Path) -> None:
    store, cell = shared.store("killed", 4)
    (records / "kill-0-1").touch()
    runtime = replace(shared.experiment.runtime("killed"), devices_per_cell=2)
    # A server that another test has started does not have the environment of this one.
    forkserver._forkserver._stop()
    local.start_server()
    events = [event for _, event in local.execute([Job((cell,), "train")], runtime, ["cpu"])]
    assert events[-1] == {"event": "exit", "code": -9}
    assert store.state(cell.id) == "pending"
    record = (records / "rank1.txt").read_text(encoding="utf-8").splitlines()
    pid = int(record[-1].split()[-1])
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.usefixtures("forked_peers")
def test_a_process_that_waits_for_a_dead_one_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "_STUCK_S", 0.1)
    errors: queue.Queue[TagbenchError] = queue.Queue()
    others = peers.Peers(Member(("cpu", "cpu")), dies_when_ready, 0, errors.put)
    # This process does nothing, as one that NCCL blocks.
    assert "Process 2 of 2, on cpu, ended with code -9" in str(errors.get(timeout=120))
    others.kill()


def test_devices_and_batches_must_be_divisible(shared: Shared) -> None:
    options = Options(Path("r"), Path("d"), devices_per_cell=2)
    check_devices(options, ["cpu"])
    check_devices(options, ["cuda:0", "cuda:1"])
    with pytest.raises(TagbenchError, match=r"divide the 3 devices .* Set it to 1, 3, or"):
        check_devices(options, ["cuda:0", "cuda:1", "cuda:2"])
    with pytest.raises(TagbenchError, match="needs --executor local"):
        check_devices(replace(options, executor="ray"), ["cpu"])
    shared.plan(4, processes=2)
    with pytest.raises(TagbenchError, match=r"its batch of 4 tracks cannot .* multiple of 3"):
        shared.plan(4, processes=3)


def test_synchronised_batch_norm_is_part_of_an_id(shared: Shared) -> None:
    (cell,) = shared.plan(4).training
    assert cell.to_json()["preimage"]["recipe"]["sync_batchnorm"] is True
    plain = shared.experiment.plan().training[0]
    assert "sync_batchnorm" not in plain.to_json()["preimage"]["recipe"]
