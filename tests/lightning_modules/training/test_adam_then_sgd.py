"""The training phases of won2020: Adam, then SGD at three learning rates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor

from lightning_modules.training.recipe import Recipe
from tests.support.small_module import (
    IGNORE_LIGHTNING_WARNINGS,
    SmallModule,
    StopAfterEpoch,
    batch_loader,
    first_windows,
    make_trainer,
    random_batches,
)


class EpochRecorder(pl.Callback):
    """Record optimizer, learning rate and weights before the first step of every epoch."""

    def __init__(self) -> None:
        self.rows: dict[int, tuple[str, float]] = {}
        self.weights: dict[int, Tensor] = {}

    def on_before_zero_grad(self, trainer: pl.Trainer, module: Any, optimizer: Any) -> None:
        epoch = trainer.current_epoch
        if epoch not in self.rows:
            inner = getattr(optimizer, "optimizer", optimizer)
            self.rows[epoch] = type(inner).__name__, inner.param_groups[0]["lr"]
            self.weights[epoch] = module.dense2.weight.detach().clone()


def won2020_run(tmp_path: Path, folder: str, stop: int, ckpt: Path | None = None):
    recipe = Recipe(epochs=10, batch_size=4, optimizer="adam", lr=0.02, weight_decay=1e-4,
                    schedule="won2020")  # fmt: skip
    train = first_windows(random_batches([4, 4, 3]))
    model, recorder = SmallModule.build(3, n_tags=5, recipe=recipe), EpochRecorder()
    saver = ModelCheckpoint(tmp_path / folder, save_last=True, save_top_k=1, monitor="valid_loss")
    trainer = make_trainer(
        tmp_path, 10, callbacks=[saver, recorder, StopAfterEpoch(stop)], enable_checkpointing=True
    )
    trainer.fit(
        model,
        batch_loader(train),
        batch_loader(random_batches([5])),
        ckpt_path=ckpt,
        weights_only=True,
    )
    return model, recorder, saver


@IGNORE_LIGHTNING_WARNINGS
def test_won2020_phases_switch_optimizer_and_reload_the_best(tmp_path):
    _, recorder, _ = won2020_run(tmp_path, "whole", 10)
    expected = [("Adam", 0.02)] * 4 + [("SGD", 0.2)] + [("SGD", 0.02)] + [("SGD", 0.002)] * 4
    assert [(name, pytest.approx(rate)) for name, rate in recorder.rows.values()] == expected
    # Three epochs end with a phase; the best weights until then begin the next one.
    for stop in (4, 5, 6):
        _, _, saver = won2020_run(tmp_path, f"until{stop}", stop)
        best = torch.load(saver.best_model_path, weights_only=True)["state_dict"]
        assert torch.equal(recorder.weights[stop], best["dense2.weight"])


@IGNORE_LIGHTNING_WARNINGS
@pytest.mark.parametrize("stop", [2, 4, 5, 6, 8])
def test_won2020_resumes_in_any_phase(tmp_path, stop):
    whole, _, _ = won2020_run(tmp_path, "whole", 10)
    won2020_run(tmp_path, "part", stop)
    resumed, recorder, _ = won2020_run(tmp_path, "part", 10, tmp_path / "part" / "last.ckpt")
    assert list(recorder.rows) == list(range(stop, 10))
    for key, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key
