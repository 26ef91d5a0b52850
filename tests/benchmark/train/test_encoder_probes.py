"""Probes of an imported encoder: its outputs are computed once, and its weights stored once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.checkpoints.encoders import import_encoder
from benchmark.perturbations import CLEAN
from benchmark.plan import build as plan
from benchmark.plan.jobs import Job
from benchmark.plan.models import imported_model
from benchmark.predict.inference import ModelRunner, WindowBatcher
from benchmark.run import preparation
from benchmark.run.worker import run
from benchmark.store.cell_kinds import ImportCell, TrainCell
from benchmark.store.plans import Plan
from benchmark.store.store import Store
from datamodules.common.errors import TagbenchError
from datamodules.loaders.windowing import Windowing
from tests.support import tiny_encoders
from tests.support.small_experiment import SmallExperiment, checkpoint_weights, run_job, select
from tests.support.tiny_encoders import TINY

PROBE = "class: lightning_modules.architectures.probe.Probe\n"
STAGE = "stage: {{class: lightning_modules.stages.linear_probe.{}, parents: {{encoder: {}}}}}\n"
PARAMS = {
    "last": "",
    "middle": "params: {layer: layer_1}\n",
    "all": (
        "params: {layer: all, hidden: 4, dropout: 0.2}\n"
        "recipe: {epochs: 2, batch_size: 5, lr: 1e-3, schedule: constant, valid_windows: 1}\n"
    ),
}


class Probes(NamedTuple):
    small: SmallExperiment
    planned: Plan
    store: Store
    windows: list[int]

    def cell(self, name: str) -> TrainCell:
        return select(self.planned.training, model=name)[0]


@pytest.fixture(scope="module")
def probes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probes]:
    """Three trained probes of one encoder, and the windows of each forward pass of the encoder."""
    root = tmp_path_factory.mktemp("encoder_probes")
    tiny_encoders.save(TINY[0], root / "hubert")
    encoder = import_encoder(root / "hubert", "hubert", root / "checkpoints", 0.5).folder
    for name, text in PARAMS.items():
        stage = STAGE.format("MlpProbe" if "hidden" in text else "LinearProbe", encoder)
        (root / f"{name}.yaml").write_text(PROBE + text + stage, encoding="utf-8")
    small = SmallExperiment(root, root)
    experiment = small.check([str(root / f"{name}.yaml") for name in PARAMS])
    models = preparation.resolve_models(experiment)
    planned = plan.build(experiment, small.dataset, small.corpus, models)
    store, windows = Store(small.results_root / "all"), []
    with pytest.MonkeyPatch.context() as patch:
        cls = type(load_checkpoint(encoder)[0])
        original = cls.outputs

        def outputs(module: object, audio: Tensor) -> dict[str, Tensor]:
            windows.append(len(audio))
            return original(module, audio)  # type: ignore[arg-type]

        patch.setattr(cls, "outputs", outputs)
        for cell in (*planned.parents, *planned.training):
            store.register(cell)
            events = run_job(Job((cell,), cell.kind), small.runtime("all"))
            assert events[-1] == {"event": "done", "cell": cell.id}, store.failure(cell.id)
        yield Probes(small, planned, store, windows)


def test_an_encoder_runs_once_for_all_trainings_and_its_weights_are_stored_once(
    probes: Probes,
) -> None:
    assert sum(probes.windows) == 10 + 4  # one crop of each training track, and four validations
    (encoder,) = probes.planned.parents
    assert isinstance(encoder, ImportCell)
    assert encoder.identity.architecture.params["sha256"]
    shapes = {}
    for path in probes.store.folder(encoder.id).glob("kept/*.npz"):
        with np.load(path) as arrays:
            shapes |= {name: (array.shape, array.dtype) for name, array in arrays.items()}
    assert shapes["train"] == ((10, 1, 3 * 16), np.float16)
    assert shapes["valid"] == ((4, 3 * 16), np.float16)
    source = load_checkpoint(probes.store.folder(encoder.id))[0].state_dict()
    for name in PARAMS:
        weights = checkpoint_weights(probes.store, probes.cell(name))
        assert not any(key.startswith("encoder.") for key in weights)
        model, _ = load_checkpoint(probes.store.folder(probes.cell(name).id))
        for key, value in source.items():
            assert torch.equal(model.get_submodule("encoder").state_dict()[key], value), key
    plain = probes.cell("last").identity.architecture.params
    assert plain == {"hidden": 0}  # later parameters enter ids where they are used
    with pytest.raises(TagbenchError, match=r"is an encoder .* Run a probe on it"):
        imported_model("hubert", probes.store.folder(encoder.id))


def test_an_encoder_runs_once_for_all_probes_of_a_condition(probes: Probes) -> None:
    windows = probes.windows
    cells = [cell for cell in probes.planned.evaluations if cell.condition == CLEAN]
    counted = {}
    for name in ("last", ""):  # one probe by itself, and then all of them
        runtime = probes.small.runtime(f"evaluated{name}", workers=0)
        shutil.copytree(probes.small.results_root / "all", runtime.results)
        del windows[:]
        group = tuple(cell for cell in cells if name in ("", cell.labels.model))
        events = run_job(Job(group, "evaluation"), runtime)
        done = [event["cell"] for event in events if event["event"] == "done"]
        assert sorted(done) == sorted(cell.id for cell in group)
        counted[name] = sum(windows)
    assert counted[""] == counted["last"] > 0
    for cell in select(cells, model="last"):
        alone, together = (
            np.load(Path(probes.small.runtime(f"evaluated{name}").results)
                    / "cells" / cell.id / "predictions.npz")["scores"]
            for name in ("last", "")
        )  # fmt: skip
        assert np.array_equal(alone, together)


def test_models_on_other_encoders_share_nothing(probes: Probes) -> None:
    folder = probes.store.folder(probes.cell("last").id)
    runners = [ModelRunner.of(load_checkpoint(folder)[0]) for _ in range(2)]
    del probes.windows[:]
    batcher = WindowBatcher(runners, Windowing())
    for runner in runners:
        runner.start(1)
    batcher.add(0, np.zeros(runners[0].window, np.float32))
    batcher.finish()
    assert probes.windows == [1, 1]  # equal encoders that nobody has joined are two encoders


def test_a_probe_without_its_encoder_says_what_is_missing(probes: Probes, tmp_path: Path) -> None:
    cell = probes.cell("last").id
    shutil.copytree(probes.store.folder(cell), tmp_path / cell)
    with pytest.raises(TagbenchError, match=r"The encoder of the model in .* is missing: expected"):
        load_checkpoint(tmp_path / cell)


def test_an_interrupted_probe_continues_with_the_weights_of_its_encoder(probes: Probes) -> None:
    (encoder,) = probes.planned.parents
    cell, runtime = probes.cell("middle"), probes.small.runtime("continued")
    store = Store(Path(runtime.results))
    shutil.copytree(probes.store.folder(encoder.id), store.folder(encoder.id))
    store.register(cell)

    def stop(event: Mapping[str, Any]) -> None:
        if event["event"] == "progress" and event["done"] == 3:  # in the second of three epochs
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        run(Job((cell,), cell.kind), runtime, stop)
    assert (store.folder(cell.id) / "last.ckpt").is_file()
    run_job(Job((cell,), cell.kind), runtime)
    expected = checkpoint_weights(probes.store, cell)
    for name, value in checkpoint_weights(store, cell).items():
        assert torch.equal(value, expected[name]), name
    whole = load_checkpoint(store.folder(cell.id))[0]
    other = load_checkpoint(probes.store.folder(cell.id))[0]
    assert all(map(torch.equal, whole.state_dict().values(), other.state_dict().values()))


def test_zero_shot_scores_are_cells_like_others(probes: Probes) -> None:
    small, root = probes.small, probes.small.root
    (tiny,) = (tiny for tiny in TINY if tiny.model == "clap")
    (root / "clap").mkdir()
    tiny_encoders.save_tokenizer(root / "clap")
    tiny_encoders.save(tiny, root / "clap")
    folder = import_encoder(root / "clap", "clap", root / "checkpoints").folder
    text = (
        "class: lightning_modules.architectures.zero_shot.ZeroShot\n"
        f"stage: {{params: {{template: 'Sound of {{tag}}.'}}, parents: {{encoder: {folder}}}}}\n"
    )
    (root / "zero.yaml").write_text(text, encoding="utf-8")
    experiment = small.check([str(root / "zero.yaml")])
    models = preparation.resolve_models(experiment)
    planned = plan.build(experiment, small.dataset, small.corpus, models)
    clean = [cell for cell in planned.evaluations if cell.condition == CLEAN]
    runtime = small.runtime("zero", workers=0)
    store = Store(Path(runtime.results))
    for cell in (*planned.parents, *planned.training, *clean):
        store.register(cell)
        events = run_job(Job((cell,), cell.kind), runtime)
        assert events[-1] == {"event": "done", "cell": cell.id}, store.failure(cell.id)
    assert store.trained_tags([planned.training[0].id]) == ()
    weights = checkpoint_weights(store, planned.training[0])
    assert {name: value.shape for name, value in weights.items()} == {
        "prompts": (3, 12),
        "scale": (),
    }
    torch.testing.assert_close(weights["prompts"].norm(dim=1), torch.ones(3))
    assert planned.training[0].identity.stage is not None  # the template is part of the id
    with np.load(store.folder(clean[0].id) / "predictions.npz") as result:
        assert np.isfinite(result["scores"]).all()
        assert result["scores"].std(axis=1).min() > 0
