"""Progress events of a training are limited in rate and read no value of the current step."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.accelerators import CUDAAccelerator

from benchmark.train.callbacks import ProgressEvents, quiet_lightning


def test_a_training_on_the_cpu_beside_a_gpu_is_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CUDAAccelerator, "is_available", lambda: True)
    with quiet_lightning():
        pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)


def test_progress_is_sent_a_few_times_a_second_and_once_an_epoch() -> None:
    events: list[Mapping[str, Any]] = []
    progress = ProgressEvents("cell", events.append, every_s=3600)
    trainer: Any = SimpleNamespace(
        global_step=0, current_epoch=0, max_epochs=2, estimated_stepping_batches=6,
        callback_metrics={"train_loss": torch.tensor(0.5)},
    )  # fmt: skip
    module: Any = None
    for epoch in range(2):
        trainer.current_epoch = epoch
        for step in range(3):
            trainer.global_step += 1
            progress.on_train_batch_end(trainer, module, None, None, step)
        progress.on_train_epoch_end(trainer, module)
    assert [event["done"] for event in events] == [1, 4]
    assert [event["text"].strip() for event in events] == [
        "epoch 1/2",
        "epoch 2/2 train_loss 0.5000",
    ]
