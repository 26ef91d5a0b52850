"""Classifiers of frames and of segment features, as cells of one plan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.plan import build as plan
from benchmark.plan.jobs import Job
from benchmark.run import preparation
from benchmark.store.cell_kinds import EvaluationCell, TrainCell
from benchmark.store.cells import PREDICTIONS
from benchmark.store.store import Store
from tests.support.small_experiment import SmallExperiment, checkpoint_weights, run_job, select

ARCHITECTURES = "lightning_modules.architectures"
FRAMES = f"class: {ARCHITECTURES}.frame_lstm.FrameLSTM\nparams: {{units: [3], frames: 2}}\n"
SEGMENT = f"class: {ARCHITECTURES}.segment_classifier.SegmentClassifier\n"
ORDER = ("frames", "segment", "fused")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallExperiment:
    root = tmp_path_factory.mktemp("frames")
    (root / "frames.yaml").write_text(FRAMES, encoding="utf-8")
    parents = f"stage: {{parents: {{frame_model: {root / 'frames.yaml'}}}}}\n"
    (root / "segment.yaml").write_text(f"{SEGMENT}params: {{hidden: 0}}\n{parents}")
    (root / "fused.yaml").write_text(f"{SEGMENT}params: {{hidden: 2, fused: true}}\n{parents}")
    return SmallExperiment(root, root)


def test_a_second_stage_builds_on_the_frames_of_its_parent(small: SmallExperiment) -> None:
    experiment = small.check([str(small.root / f"{name}.yaml") for name in ORDER])
    models = preparation.resolve_models(experiment)
    planned = plan.build(experiment, small.dataset, small.corpus, models)
    store = Store(small.results_root / "results")
    trainings = {name: select(planned.training, model=name)[0] for name in ORDER}
    clean = select(planned.evaluations, perturbation="clean")
    for cells in (*((cell,) for cell in trainings.values()), clean):
        for cell in cells:
            store.register(cell)
        kind = "train" if isinstance(cells[0], TrainCell) else "evaluate"
        run_job(Job(tuple(cells), kind), small.runtime("results"))
        assert {store.state(cell.id) for cell in cells} == {"done"}, store.failure(cells[0].id)
    _check_weights(store, trainings)
    for cell in clean:
        _check_predictions(store.folder(cell.id) / PREDICTIONS, cell)


def _check_weights(store: Store, trainings: dict[str, TrainCell]) -> None:
    parent = checkpoint_weights(store, trainings["frames"])
    assert parent["standardise.deviation"].ne(1).all()
    kept = list((store.folder(trainings["frames"].id) / "kept").glob("*.npz"))
    assert len(kept) == 1  # both second stages read the same features
    with np.load(kept[0]) as arrays:
        features = torch.from_numpy(arrays["train"])
    for name in ("segment", "fused"):
        weights = checkpoint_weights(store, trainings[name])
        for key, value in parent.items():
            assert torch.equal(weights[f"frame_model.{key}"], value), key
        mean = weights["standardise.mean"]
        torch.testing.assert_close(mean, features[:, : len(mean)].mean(0))


def _check_predictions(path: Path, cell: EvaluationCell) -> None:
    with np.load(path) as stored:
        assert np.isfinite(stored["scores"]).all()
        assert ("frame_votes" in stored) == (cell.labels.model == "frames")
        if "frame_votes" in stored:
            assert (stored["frame_votes"] <= stored["frames"][:, None]).all()
            assert stored["frames"].min() >= 2
