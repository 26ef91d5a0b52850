"""The mood MLP with weights from a formula, against the published code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datamodules.views.vector_file import write_vectors
from lightning_modules.architectures.mood_mlp import MoodMlp
from tests.support.formula import fill, hashed
from tests.support.paths import DATA

GOLDEN = json.loads((DATA / "mood_mlp.json").read_text(encoding="utf-8"))
TOLERANCE = 1e-5  # on logits


def built(folder: Path, width: int, units: int, n_tags: int) -> MoodMlp:
    file = folder / "vectors.npz"
    write_vectors(file, ["a", "b"], np.eye(2, width, dtype=np.float32))
    views = [{"name": "track_vectors", "path": str(file)}]
    model = MoodMlp.build(0, n_tags=n_tags, units=units, views=views)
    fill(model, GOLDEN["gain"], {})
    deviation = torch.from_numpy(2 + 0.5 * hashed("scale", width))
    model.set_moments(torch.from_numpy(0.5 + 0.1 * hashed("shift", width)), deviation)
    return model.eval()


def check(model: MoodMlp, width: int, golden: Mapping[str, Any]) -> None:
    shapes = [[key, list(value.shape)] for key, value in model.state_dict().items()]
    assert shapes == [key[:2] for key in golden["keys"]]
    n = np.arange(1.0, 4 * width + 1)
    vectors = (3 * np.sin(0.0017 * n * n) + 0.5).astype(np.float32).reshape(4, 1, width)
    with torch.inference_mode():
        logits = model(torch.from_numpy(vectors))
    np.testing.assert_allclose(logits, golden["logits"], atol=TOLERANCE)


def test_formula_weights_give_the_outputs_of_the_published_code(tmp_path: Path):
    check(built(tmp_path, 8, 16, 5), 8, GOLDEN)


def test_the_published_size(shared_data: Path, tmp_path: Path):
    text = (shared_data / "golden/06_mood_mlp.json").read_text(encoding="utf-8")
    model = built(tmp_path, 200, 3909, 188)
    check(model, 200, json.loads(text)["variants"]["listening_200"])
    # The publication counts mean and standard deviation too.
    assert (model.n_params, sum(p.numel() for p in model.parameters())) == (47_373_359, 47_373_759)


@pytest.mark.parametrize(("width", "count"), [(500, 49_128_291), (200, 47_947_791)])
def test_the_published_numbers_of_parameters_on_audio(tmp_path: Path, width: int, count: int):
    file = tmp_path / "vectors.npz"
    write_vectors(file, ["a"], np.ones((1, width), np.float32))
    with torch.device("meta"):
        views = [{"name": "track_vectors", "path": str(file)}]
        model = MoodMlp(n_tags=188, units=3933, views=views)
    assert sum(p.numel() for p in model.parameters()) == count
