"""A module small enough to train in a test, its batches and its trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Unpack

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from datamodules.base import Batch
from datamodules.common.seeding import rng_for
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.training.recipe import Recipe

RECIPE = Recipe(epochs=1, batch_size=2, lr=1e-3)


def batch_of(audio: Tensor, targets: Tensor, track_index: Tensor | None = None) -> Batch:
    """Return a batch; without ``track_index``, each window is a track of its own."""
    return {
        "audio": audio,
        "targets": targets.float(),
        "track_ids": [str(i) for i in range(len(targets))],
        "track_index": torch.arange(len(targets)) if track_index is None else track_index,
    }


class SmallModule(TaggingModule):
    """Two dense layers on 16 samples; dropout makes the training depend on the seed."""

    identity: ClassVar[str] = "Tiny"
    input_samples = 16
    title: ClassVar[str] = "Tiny"
    paper: ClassVar[str] = "none"
    bibtex: ClassVar[str] = "@misc{tiny}"

    def __init__(self, *, hidden: int = 8, **base: Unpack[BaseOptions]) -> None:
        super().__init__(**base)
        self.dense1 = nn.Linear(16, hidden)
        self.dropout = nn.Dropout(0.5)
        self.dense2 = nn.Linear(hidden, self.n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        return self.dense2(self.dropout(self.dense1(audio).relu()))


class BatchDataset(torch.utils.data.Dataset[Batch]):
    """A dataset over a list of batches."""

    def __init__(self, batches: list[Batch]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Batch:
        return self.batches[index]


def batch_loader(batches: list[Batch]) -> DataLoader[Batch]:
    return DataLoader(BatchDataset(batches), batch_size=None)


def random_batches(sizes: list[int], n_tags: int = 5, task: str = "multilabel") -> list[Batch]:
    """Return batches of tracks of one to four windows; no track has the last tag."""
    rng = rng_for("tracks", n_tags, task)
    batches = []
    for size in sizes:
        track_index = torch.from_numpy(np.repeat(np.arange(size), rng.randint(1, 5, size)))
        audio = torch.from_numpy(rng.standard_normal((len(track_index), 16))).float()
        if task == "singlelabel":
            targets = torch.eye(n_tags)[torch.from_numpy(rng.randint(0, n_tags, size))]
        else:
            targets = torch.from_numpy(rng.randint(0, 2, (size, n_tags))).float()
            targets[:, -1] = 0
        batches.append(batch_of(audio, targets, track_index))
    return batches


def first_windows(batches: list[Batch]) -> list[Batch]:
    """Return training batches: as many windows as tracks, one target each."""
    return [batch_of(b["audio"][: len(b["targets"])], b["targets"]) for b in batches]


def make_trainer(tmp_path: Path, epochs: int, **options: Any) -> pl.Trainer:
    """Return a trainer on the CPU without logger, progress bar and checkpoints."""
    return pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=tmp_path,
        **{"enable_checkpointing": False} | options,
    )


class StopAfterEpoch(pl.Callback):
    """End training after a number of epochs, before the recipe does."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.should_stop = trainer.current_epoch + 1 >= self.epochs


IGNORE_LIGHTNING_WARNINGS = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers:UserWarning",
    "ignore:.*does not have many workers:pytorch_lightning.utilities.warnings.PossibleUserWarning",
    "ignore:Checkpoint directory .* exists and is not empty:UserWarning",  # on resuming
    # Lightning 2.6 reads a tree specification of torch 2.11 by its old name
    "ignore:.*LeafSpec.*:FutureWarning",
)
