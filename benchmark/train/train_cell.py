"""Train a cell: from its ``cell.json`` to ``best.ckpt`` and ``metrics.json``."""

from __future__ import annotations

import logging
import math
import os
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from benchmark import determinism
from benchmark.malloc import keep_freed_memory, return_freed_memory
from benchmark.plan.jobs import Emit, Runtime, record_failure
from benchmark.store.cells import BEST, LAST
from benchmark.store.provenance import provenance
from benchmark.store.store import Store
from benchmark.tracking.trackers.base import training_loggers
from benchmark.train.callbacks import (
    BestAndLastCheckpoint,
    CheckpointFiles,
    ProgressEvents,
    quiet_lightning,
)
from benchmark.train.data import CellData, StageLoaders, cell_data
from benchmark.train.group import Member
from benchmark.train.kept_arrays import Arrays, KeptArrays
from benchmark.train.model import attach, build_model, build_stage, is_gradient_stage
from benchmark.train.peers import Ready, join, started
from benchmark.train.usage import Meter, Usage
from datamodules.common.errors import TagbenchError
from lightning_modules.base import TaggingModule
from lightning_modules.stages.base import GradientStage, Stage
from lightning_modules.training.recipe import Recipe


def train(cell: str, store: Store, runtime: Runtime, emit: Emit) -> None:
    """Train one cell, or resume it after its last complete epoch.

    Args:
        cell: Id of the cell. Its ``cell.json`` holds the configuration.
        store: Results folder that holds the cell.
        runtime: Devices, threads, data workers and trackers. If it names peers, a process is
            started for each of them, and all train the cell together.
        emit: Receives the progress events.
    """
    devices = (runtime.device, *runtime.peers)
    document = store.read(cell)
    if not is_gradient_stage(document):
        devices = devices[:1]
    member = Member(devices)
    # The data are complete before the other processes open them.
    training = _Training.of(document, store, runtime, member)
    meter = Meter(member.device)

    def stuck(error: TagbenchError) -> None:
        record_failure(store, cell, document["kind"], error, emit)
        os._exit(1)

    with started(member, partial(_train_share, cell, runtime), stuck) as finish:
        facts = training.run(emit)
        usages = finish()
    return_freed_memory()  # training holds gigabytes that scoring does not need
    store.finish(cell, facts | meter.describe(usages), [BEST])


def _train_share(cell: str, runtime: Runtime, member: Member, port: int, ready: Ready) -> Usage:
    """Train a cell in a process of rank 1 or above."""
    runtime = replace(runtime, device=member.device, wandb="disabled", trackers=())
    determinism.configure(runtime.device, threads=runtime.threads)
    keep_freed_memory()
    store = Store(Path(runtime.results))
    training = _Training.of(store.read(cell), store, runtime, member)
    meter = Meter(member.device)
    ready()
    join(member, port)
    training.run(lambda event: None)
    member.leave()
    return meter.usage()


@dataclass(frozen=True)
class _Training:
    """A training cell in one process.

    Attributes:
        document: Content of ``cell.json``.
        folder: Folder of the cell.
        runtime: How and where it runs.
        member: This process among those that train the cell.
        recipe: Recipe of the cell.
        data: Its data.
        model: The model, with its initial weights.
        stage: How it is trained.
    """

    document: Mapping[str, Any]
    folder: Path
    runtime: Runtime
    member: Member
    recipe: Recipe
    data: CellData
    model: TaggingModule
    stage: Stage

    @classmethod
    def of(
        cls, document: Mapping[str, Any], store: Store, runtime: Runtime, member: Member
    ) -> _Training:
        """Prepare the data, the model and the stage of a cell."""
        recipe = _recipe(document)
        data = cell_data(document, recipe, runtime, rank=member.rank, world=member.world)
        model = build_model(document, recipe, len(data.labelled.tags))
        stage = build_stage(document, store)
        folder = store.folder(document["id"])
        return cls(document, folder, runtime, member, recipe, data, model, stage)

    def run(self, emit: Emit) -> dict[str, Any]:
        """Train, and return what ``metrics.json`` states about the result."""
        cell, recipe = self.document["id"], self.recipe
        checkpoint = BestAndLastCheckpoint(self.folder, recipe)
        placement = self.member.trainer_options(sync_batchnorm=recipe.sync_batchnorm)
        plugins = [CheckpointFiles(), *placement.pop("plugins")]
        with training_loggers(cell, self.document, self.runtime) as loggers, quiet_lightning():
            trainer = pl.Trainer(
                **placement,
                max_epochs=recipe.epochs,
                precision=recipe.trainer_precision,
                gradient_clip_val=recipe.grad_clip,
                accumulate_grad_batches=recipe.accumulate,
                callbacks=[checkpoint, ProgressEvents(cell, emit)],
                plugins=plugins,
                logger=loggers,
                enable_progress_bar=False,
                enable_model_summary=False,
                num_sanity_val_steps=0,
                log_every_n_steps=1,
                use_distributed_sampler=False,
                default_root_dir=str(self.folder),
            )
            device = torch.device(self.member.device)
            kept = KeptArrays(self.document, Store(Path(self.runtime.results)))
            self.stage.run(Context(self.model, self.data, trainer, checkpoint, device, kept))
        result = _result(checkpoint, trainer, self.data, self.runtime)
        trained = self.stage.trained_tags
        return result if trained is None else {**result, "trained_tags": list(trained)}


@dataclass(frozen=True)
class Context:
    """What a cell offers to its stage; a `lightning_modules.stages.base.StageContext`.

    Attributes:
        model: The model to train.
        data: Its data.
        trainer: Has ``checkpoint`` among its callbacks.
        checkpoint: Writes the checkpoints.
        device: Where the model is trained.
        kept: Arrays that are computed from its parents.
    """

    model: TaggingModule
    data: CellData
    trainer: pl.Trainer
    checkpoint: BestAndLastCheckpoint
    device: torch.device
    kept: KeptArrays

    def keep(self, parent: str, key: Mapping[str, Any], compute: Callable[[], Arrays]) -> Arrays:
        """Return arrays that are computed once from a parent and kept in its folder."""
        return self.kept.keep(parent, key, compute)

    def fit(self, stage: GradientStage) -> None:
        """Train the model with gradients, or resume its training."""
        attach(stage, self.model, self.data)
        fit(self.trainer, self.model, StageLoaders(stage, self.data), self.checkpoint)

    def save(self) -> None:
        """Save the model as the result of the cell, without training it with gradients."""
        self.trainer.strategy.connect(self.model)
        self.checkpoint.save(self.trainer, BEST)


def _recipe(document: Mapping[str, Any]) -> Recipe:
    content = {**document["preimage"]["recipe"], "name": document["labels"]["preset"]}
    return Recipe.model_validate(content)


def _result(
    checkpoint: BestAndLastCheckpoint,
    trainer: pl.Trainer,
    data: CellData,
    runtime: Runtime,
) -> dict[str, Any]:
    """Return what ``metrics.json`` states about a finished training."""
    best = checkpoint.best_score
    return {
        "best_epoch": checkpoint.best_epoch,
        checkpoint.recipe.monitor: best if math.isfinite(best) else None,
        "epochs_run": trainer.current_epoch,
        "history": checkpoint.history,
        "tags": list(data.labelled.tags),
        "device": runtime.device,
        "provenance": provenance() | determinism.describe(runtime.device),
    }


def fit(
    trainer: pl.Trainer,
    module: TaggingModule,
    data: StageLoaders,
    checkpoint: BestAndLastCheckpoint,
) -> None:
    """Fit a module from ``last.ckpt``, or from the start if that is missing or unreadable.

    Args:
        trainer: Trainer with ``checkpoint`` among its callbacks.
        module: Module to train.
        data: Its loaders.
        checkpoint: Callback that states the folder of ``last.ckpt``.
    """
    last = checkpoint.folder / LAST
    saved = _read_checkpoint(last)
    if saved is not None:
        checkpoint.load_state_dict(saved["callbacks"][checkpoint.state_key])
        if checkpoint.out_of_patience(saved["epoch"]):
            return  # the process ended after the last epoch, before the result was written
        data.first_epoch = saved["epoch"] + 1
    trainer.fit(
        module, datamodule=data, ckpt_path=last if saved is not None else None, weights_only=True
    )


def _read_checkpoint(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        logging.getLogger(__name__).warning(
            "Checkpoint %s cannot be read (%s). The training starts from the first epoch.",
            path,
            error,
        )
        return None
    return content
