"""A probe of real weights: the musicnn that was trained on the Million Song Dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmark.checkpoints.pretrained import pretrained_checkpoints
from benchmark.perturbations import CLEAN
from benchmark.plan import build as plan
from benchmark.plan.jobs import Job
from benchmark.run import preparation
from benchmark.store.store import Store
from tests.support.paths import ROOT
from tests.support.small_experiment import SmallExperiment, run_job

NAME = "pons_musicnn-msd"
SHIPPED = ROOT / "experiments" / "models" / "pretrained" / "musicnn_msd_probe.yaml"
RECIPE = (
    "recipe: {epochs: 40, batch_size: 5, optimizer: adam, lr: 1e-3, schedule: constant, "
    "valid_windows: 1}\n"
)


def weights(scratch: Path) -> Path:
    """Return the folder of the checkpoint, or skip the test where there are no weights."""
    folder = ROOT / "checkpoints" / NAME
    wheels = sorted((ROOT / "checkpoints").glob("musicnn-*.whl"))
    if folder.is_dir():
        return folder
    if not wheels:
        pytest.skip("no weights in checkpoints/: run make pretrained")
    return pretrained_checkpoints([NAME], scratch, wheel=wheels[0])[NAME]


def test_a_linear_probe_of_real_weights_tells_clips_apart(tmp_path: Path) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    text = text.replace(f"checkpoints/{NAME}", str(weights(tmp_path))) + RECIPE
    (tmp_path / "probe.yaml").write_text(text, encoding="utf-8")
    small = SmallExperiment(tmp_path, tmp_path)
    experiment = small.check([str(tmp_path / "probe.yaml")])
    models = preparation.resolve_models(experiment)
    planned = plan.build(experiment, small.dataset, small.corpus, models)
    clean = [cell for cell in planned.evaluations if cell.condition == CLEAN]
    store = Store(small.results_root / "probe")
    for cell in (*planned.parents, *planned.training, *clean):
        store.register(cell)
        events = run_job(Job((cell,), cell.kind), small.runtime("probe", workers=0))
        assert events[-1] == {"event": "done", "cell": cell.id}, store.failure(cell.id)
    with np.load(store.folder(clean[0].id) / "predictions.npz") as result:
        scores, targets = result["scores"], result["targets"]
    assert roc_auc_score(targets[:, :2], scores[:, :2], average="macro") >= 0.8
