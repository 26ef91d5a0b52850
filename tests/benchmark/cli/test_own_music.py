"""A user's way: import weights, tag a folder, embed it, and measure the robustness on it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile as sf
import torch

from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.store.predictions import load_predictions
from benchmark.store.run_record import load
from benchmark.store.store import Store
from lightning_modules.architectures.musicnn import Musicnn
from tests.support.command_line import call
from tests.support.music import RATE, tone

PRESET = """
recipe: {name: tiny, epochs: 1, batch_size: 2, lr: 1e-3, schedule: constant}
windows: {protocol: tiled}
perturbations: [white_noise]
severities: [3]
n_boot: 100
"""


def test_weights_are_imported_and_predict_embed_and_run_agree(tmp_path: Path) -> None:
    torch.save(Musicnn.build(0, n_tags=50).state_dict(), tmp_path / "best_model.pth")
    music = tmp_path / "music"
    music.mkdir()
    for index in range(4):  # with noise, beside which that of 16 bits is small
        sf.write(music / f"{index}.wav", tone(3 * index, 3.5), RATE)
    (tmp_path / "tiny.yaml").write_text(PRESET, encoding="utf-8")
    model = str(tmp_path / "checkpoints" / "musicnn-mtat")

    done = call(
        "import-checkpoint", str(tmp_path / "best_model.pth"), "--model", "musicnn",
        "--dataset", "mtat", "--out", str(tmp_path / "checkpoints"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    same = ("--checkpoint", model, "--windows", "tiled", "--device", "cpu")
    done = call("predict", str(music), *same, "--top", "0", "--format", "json")
    assert done.returncode == 0, done.stderr
    predicted = json.loads(done.stdout)["predictions"]
    done = call("embed", str(music), *same, "--out", str(tmp_path / "e.parquet"))
    assert done.returncode == 0, done.stderr
    embedded = pd.read_parquet(tmp_path / "e.parquet")
    done = call(
        "run", "--dataset", "folder", "--data", str(music), "--models", "", "--checkpoints", model,
        "--preset", str(tmp_path / "tiny.yaml"), "--data-root", str(tmp_path / "data"),
        "--results", str(tmp_path / "results"), "--workers", "1", "--wandb", "disabled",
        report=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr

    files = [item["file"] for item in predicted]
    assert files == embedded["track_id"].tolist() == [f"{index}.wav" for index in range(4)]
    store = Store(tmp_path / "results")
    (clean,) = [
        cell["id"]
        for cell in load("folder", store).of_kind("evaluation")
        if cell["labels"]["perturbation"] == "clean"
    ]
    stored = load_predictions(store.folder(clean) / "predictions.npz")
    scores = np.array([[item["tags"][tag] for tag in stored.tags] for item in predicted])
    np.testing.assert_allclose(scores, stored.scores, atol=2e-3)  # 16 bits in the corpus
    module, card = load_checkpoint(Path(model), "cpu")
    with torch.inference_mode():
        logits = module.classifier(torch.from_numpy(np.stack(embedded["vector"])))
    order = [card.tags.index(tag) for tag in stored.tags]
    # the sigmoid of the mean embedding is close to the mean of the sigmoids
    np.testing.assert_allclose(logits.sigmoid()[:, order], scores, atol=0.05)
