"""Pre-training, probes on frozen embeddings, and fine-tuning, as cells of one plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmark.augmentations.catalogue import resolve
from benchmark.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from benchmark.config.card import Source
from benchmark.config.identity import Architecture
from benchmark.plan import build as plan
from benchmark.plan.jobs import Job
from benchmark.plan.models import imported_model
from benchmark.run import preparation
from benchmark.run.worker import run
from benchmark.store.cell_kinds import ImportCell, TrainCell
from benchmark.store.plans import Plan
from benchmark.store.store import Store
from benchmark.train.data import CellData
from datamodules.base import Batch
from datamodules.common.errors import TagbenchError
from lightning_modules.stages.simclr import SimCLR
from tests.support.small_experiment import (
    SmallExperiment,
    checkpoint_weights,
    run_job,
    select,
)
from tests.support.small_module import SmallModule

ENCODER = "class: tests.support.small_module.SmallModule\n"
PROBE = "class: lightning_modules.architectures.probe.Probe\n"
STAGES = "lightning_modules.stages"
FILES = {
    "pretrained": f"{ENCODER}stage: {{class: {STAGES}.simclr.SimCLR, params: {{augment: null}}}}\n",
    "random": f"{ENCODER}stage: {{class: {STAGES}.untrained.Untrained}}\n",
    "probe": f"{PROBE}stage: {{params: {{crops: 2}}, parents: {{encoder: pretrained}}}}\n",
    "mlp": (
        f"{PROBE}params: {{hidden: 3}}\n"
        f"stage: {{class: {STAGES}.linear_probe.MlpProbe, params: {{crops: 2}}, "
        "parents: {encoder: pretrained}}\n"
    ),
    "control": f"{PROBE}stage: {{params: {{crops: 2}}, parents: {{encoder: random}}}}\n",
    "tuned": (
        f"{ENCODER}stage: {{class: {STAGES}.fine_tune.FineTune, "
        "parents: {pretrained: pretrained}}\n"
    ),
}
WINDOWS = 10 * 2 + 4  # two crops of each training track, and one window of each validation track


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallExperiment:
    root = tmp_path_factory.mktemp("probes")
    for name, text in FILES.items():
        for other in ("pretrained", "random"):
            text = text.replace(f": {other}}}", f": {root / other}.yaml}}")
        (root / f"{name}.yaml").write_text(text, encoding="utf-8")
    return SmallExperiment(root, root)


@pytest.fixture(scope="module")
def cells(small: SmallExperiment) -> dict[str, TrainCell]:
    """Return all trainings by name, parents first."""
    names = [str(small.root / f"{name}.yaml") for name in ("probe", "mlp", "control", "tuned")]
    experiment = small.check(names)
    models = preparation.resolve_models(experiment)
    planned = plan.build(experiment, small.dataset, small.corpus, models)
    trainings = [*planned.parents, *planned.training]
    order = ("pretrained", "random", "probe", "mlp", "control", "tuned")
    return {name: select(trainings, model=name)[0] for name in order}


@pytest.fixture(scope="module")
def whole(small: SmallExperiment, cells: dict[str, TrainCell]) -> tuple[Store, dict[str, int]]:
    """Return a store with all trainings, and the windows that each embedded."""
    store, embedded = Store(small.results_root / "whole"), {}
    for name, cell in cells.items():
        with counted() as windows:
            store.register(cell)
            events = run_job(Job((cell,), "train"), small.runtime("whole"))
        assert events[-1] == {"event": "done", "cell": cell.id}, store.failure(cell.id)
        embedded[name] = sum(windows)
    return store, embedded


@contextmanager
def counted() -> Iterator[list[int]]:
    """Collect the numbers of windows that are embedded without gradients."""
    windows: list[int] = []
    original = SmallModule.embed

    def embed(model: SmallModule, audio: Tensor) -> Tensor:
        if torch.is_inference_mode_enabled():
            windows.append(len(audio))
        return original(model, audio)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SmallModule, "embed", embed)
        yield windows


def test_embeddings_are_computed_once_for_all_probes(
    whole: tuple[Store, dict[str, int]],
) -> None:
    assert whole[1] == {
        "pretrained": 0, "random": 0, "probe": WINDOWS, "mlp": 0, "control": WINDOWS, "tuned": 0,
    }  # fmt: skip


def test_only_the_head_is_trained(
    cells: dict[str, TrainCell], whole: tuple[Store, dict[str, int]]
) -> None:
    store = whole[0]
    parent = checkpoint_weights(store, cells["pretrained"])
    assert not any(name.startswith("stage") for name in parent)  # the projector is dropped
    for name, size in (("probe", 3 * 8 + 3), ("mlp", 3 * 8 + 3 + 3 * 3 + 3)):
        weights = checkpoint_weights(store, cells[name])
        for key, value in parent.items():
            assert torch.equal(weights[f"encoder.{key}"], value), key
        model, _ = load_checkpoint(store.folder(cells[name].id))
        assert model.n_params == size
        imported = imported_model(name, store.folder(cells[name].id))
        assert imported.build(3).n_params == size
    fresh = SmallModule.build(0, n_tags=3).state_dict()
    assert torch.equal(parent["dense2.weight"], fresh["dense2.weight"])
    assert not torch.equal(parent["dense1.weight"], fresh["dense1.weight"])
    assert torch.equal(
        checkpoint_weights(store, cells["random"])["dense1.weight"], fresh["dense1.weight"]
    )


def test_fine_tuning_starts_from_the_parent(
    cells: dict[str, TrainCell], whole: tuple[Store, dict[str, int]]
) -> None:
    parent, tuned, fresh = (
        checkpoint_weights(whole[0], cells["pretrained"])["dense1.weight"],
        checkpoint_weights(whole[0], cells["tuned"])["dense1.weight"],
        SmallModule.build(0, n_tags=3).state_dict()["dense1.weight"],
    )
    assert 0 < (tuned - parent).abs().max() < (tuned - fresh).abs().max()


def test_an_imported_checkpoint_is_a_parent(small: SmallExperiment, tmp_path: Path) -> None:
    tags = {"other": tuple("abcdefg"), "same": small.corpus.tags}
    for name, predicted in tags.items():
        save_checkpoint(
            tmp_path / name,
            SmallModule.build(7, n_tags=len(predicted)),
            model=name, title=name, dataset="folder", tags=predicted, windows="tiled",
            architecture=Architecture(
                identity="Tiny", revision=1, params={"hidden": 8}, sample_rate=16000, window=16
            ),
            source=Source(file="weights.pth", sha256="0"),
        )  # fmt: skip

    def planned(text: str, parent: str) -> Plan:
        (tmp_path / "child.yaml").write_text(text.replace("PARENT", str(tmp_path / parent)))
        experiment = small.check([str(tmp_path / "child.yaml")])
        models = preparation.resolve_models(experiment)
        return plan.build(experiment, small.dataset, small.corpus, models)

    probe = f"{PROBE}stage: {{parents: {{encoder: PARENT}}}}\n"
    tuned = FILES["tuned"].replace(": pretrained}", ": PARENT}")
    for text, parent in ((probe, "other"), (tuned, "same")):
        cells = planned(text, parent)
        (imported,), (child,) = cells.parents, cells.training
        assert isinstance(imported, ImportCell)
        assert child.depends_on == (imported.id,)
        store = Store(small.results_root / f"on_{parent}")
        for cell in (imported, child):
            events = run_job(Job((cell,), cell.kind), small.runtime(f"on_{parent}"))
            assert events[-1] == {"event": "done", "cell": cell.id}, store.failure(cell.id)
        weights = checkpoint_weights(store, child)
        start = SmallModule.build(7, n_tags=len(tags[parent])).state_dict()
        if parent == "other":
            assert all(torch.equal(weights[f"encoder.{key}"], start[key]) for key in start)
            assert load_checkpoint(store.folder(child.id))[1].parts["encoder"]["n_tags"] == 7
        else:
            assert 0 < (weights["dense1.weight"] - start["dense1.weight"]).abs().max() < 0.1
    with pytest.raises(TagbenchError, match=r"pretrained: the checkpoint .*other predicts 7 tags"):
        planned(tuned, "other")


def test_resumed_probe_equals_an_uninterrupted_one(
    small: SmallExperiment, cells: dict[str, TrainCell], whole: tuple[Store, dict[str, int]]
) -> None:
    store, job = Store(small.results_root / "resumed"), Job((cells["probe"],), "train")
    for cell in (cells["pretrained"], cells["probe"]):
        store.register(cell)
    run_job(Job((cells["pretrained"],), "train"), small.runtime("resumed"))

    def stop(event: Mapping[str, Any]) -> None:
        # Two steps an epoch: stop in the middle of the second one.
        if event["event"] == "progress" and event["done"] == 3:
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        run(job, small.runtime("resumed"), stop)
    with counted() as windows:
        run_job(job, small.runtime("resumed"))
    assert not windows  # they were kept
    again = checkpoint_weights(store, cells["probe"])
    for key, value in checkpoint_weights(whole[0], cells["probe"]).items():
        assert torch.equal(again[key], value), key
    kept = sorted(store.folder(cells["pretrained"].id).glob("kept/*.npz"))
    assert len(kept) == 2  # training crops, and validation windows
    for path in kept:
        other = whole[0].folder(cells["pretrained"].id) / "kept" / path.name
        assert path.read_bytes() == other.read_bytes()


def test_a_linear_probe_refuses_another_model(small: SmallExperiment, tmp_path: Path) -> None:
    text = (
        f"{ENCODER}stage: {{class: {STAGES}.linear_probe.LinearProbe, parents: {{encoder: X}}}}\n"
    )
    path = tmp_path / "wrong.yaml"
    path.write_text(text.replace("X", str(small.root / "random.yaml")), encoding="utf-8")
    experiment = small.check([str(path)])
    models = preparation.resolve_models(experiment)
    planned = plan.build(experiment, small.dataset, small.corpus, models)
    store = Store(small.results_root / "wrong")
    for cell in (*planned.parents, *planned.training):
        store.register(cell)
        run_job(Job((cell,), "train"), small.runtime("wrong"))
    failure = store.failure(planned.training[0].id)
    assert failure is not None
    assert "expected class lightning_modules.architectures.probe.Probe" in failure["message"]


# Python 3.12 warns of what DataLoader does by default on Linux.
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_pairs_do_not_depend_on_the_number_of_workers(small: SmallExperiment) -> None:
    chain = resolve([{"transform": "gain"}, {"transform": "noise", "ratio": [0.1, 0.5]}])
    read: list[list[Batch]] = []
    for workers in (0, 1, 2):
        module = small.dataset.module(
            small.root / "data", window=4000, batch_size=5, workers=workers
        )
        data = CellData(module, {}, {"augment": chain})
        read.append(list(SimCLR(parents={}).loaders(data)["pairs"]))
    for batches in zip(*read, strict=True):
        first, *others = batches
        assert first["audio"].shape == (10, 4000)  # two windows of each track, one after the other
        assert first["track_index"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
        assert not torch.equal(first["audio"][0], first["audio"][1])
        for other in others:
            assert torch.equal(first["audio"], other["audio"])
            assert first["track_ids"] == other["track_ids"]
