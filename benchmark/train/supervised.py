"""Train a cell: from its ``cell.json`` to ``best.ckpt`` and ``metrics.json``."""

from __future__ import annotations

import logging
import math
import pickle
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from benchmark import determinism
from benchmark.config.classes import import_class
from benchmark.config.datasets import data_module
from benchmark.malloc import return_freed_memory
from benchmark.plan.jobs import Emit, Runtime
from benchmark.store.cells import BEST, LAST
from benchmark.store.provenance import provenance
from benchmark.store.store import Store
from benchmark.tracking.wandb import training_logger
from benchmark.train.callbacks import (
    BestAndLastCheckpoint,
    CheckpointFiles,
    ProgressEvents,
    quiet_lightning,
)
from datamodules.base import TaggingDataModule
from lightning_modules.base import TaggingModule
from lightning_modules.training.recipe import Recipe


def train(cell: str, store: Store, runtime: Runtime, emit: Emit) -> None:
    """Train one cell, or resume it after its last complete epoch.

    Args:
        cell: Id of the cell. Its ``cell.json`` holds the configuration.
        store: Results folder that holds the cell.
        runtime: Device, threads, data workers and W&B settings.
        emit: Receives the progress events.
    """
    document = store.read(cell)
    folder = store.folder(cell)
    recipe = _recipe(document)
    data = _data(document, recipe, runtime)
    module = _module(cell, document, recipe, data)
    started, worked = time.perf_counter(), time.process_time()
    checkpoint = BestAndLastCheckpoint(folder, recipe)
    with training_logger(cell, document, runtime) as logger, quiet_lightning():
        trainer = pl.Trainer(
            accelerator="gpu" if runtime.device.startswith("cuda") else "cpu",
            devices=[int(runtime.device.split(":")[1])] if ":" in runtime.device else 1,
            max_epochs=recipe.epochs,
            precision=recipe.trainer_precision,
            gradient_clip_val=recipe.grad_clip,
            callbacks=[checkpoint, ProgressEvents(cell, emit)],
            plugins=[CheckpointFiles()],
            logger=logger,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            log_every_n_steps=1,
            use_distributed_sampler=False,
            default_root_dir=str(folder),
        )
        if module.learns:
            fit(trainer, module, data, checkpoint)
            return_freed_memory()  # training holds gigabytes that scoring does not need
        else:
            trainer.strategy.connect(module)
            checkpoint.save(trainer, BEST)
    result = _result(checkpoint, trainer, data, runtime) | {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - worked,
    }
    store.finish(cell, result, [BEST])


def _recipe(document: Mapping[str, Any]) -> Recipe:
    content = {**document["preimage"]["recipe"], "name": document["labels"]["preset"]}
    return Recipe.model_validate(content)


def _data(document: Mapping[str, Any], recipe: Recipe, runtime: Runtime) -> TaggingDataModule:
    """Return the data module of a cell, set up for training."""
    preimage = document["preimage"]
    data = data_module(
        document["launch"],
        Path(runtime.data_root),
        window=preimage["architecture"]["window"],
        model_rate=preimage["architecture"]["sample_rate"],
        batch_size=recipe.batch_size,
        seed=preimage["seed"],
        # On a CPU, reading windows is fast, and workers would compete with the model for cores.
        workers=runtime.workers if runtime.device.startswith("cuda") else 0,
        valid_windows=recipe.valid_windows,
    )
    data.prepare_data()
    data.setup("fit")
    return data


def _module(
    cell: str, document: Mapping[str, Any], recipe: Recipe, data: TaggingDataModule
) -> TaggingModule:
    """Build the model of a cell, with the tag frequencies of the training split."""
    preimage = document["preimage"]
    module_class = import_class(document["launch"]["model_class"], TaggingModule, f"cell {cell}")
    module = module_class.build(
        seed=preimage["seed"],
        n_tags=len(data.tags),
        task=preimage["inputs"]["task"],
        recipe=recipe.model_dump(mode="json"),
        **preimage["architecture"]["params"],
    )
    counts = torch.as_tensor(data.corpus.targets("train").sum(axis=0), dtype=torch.float32)
    module.fit_priors(counts, len(data.corpus.rows("train")))
    return module


def _result(
    checkpoint: BestAndLastCheckpoint,
    trainer: pl.Trainer,
    data: TaggingDataModule,
    runtime: Runtime,
) -> dict[str, Any]:
    """Return what ``metrics.json`` states about a finished training."""
    best = checkpoint.best_score
    return {
        "best_epoch": checkpoint.best_epoch,
        checkpoint.recipe.monitor: best if math.isfinite(best) else None,
        "epochs_run": trainer.current_epoch,
        "history": checkpoint.history,
        "tags": list(data.tags),
        "device": runtime.device,
        "provenance": provenance() | determinism.describe(runtime.device),
    }


def fit(
    trainer: pl.Trainer,
    module: TaggingModule,
    data: TaggingDataModule,
    checkpoint: BestAndLastCheckpoint,
) -> None:
    """Fit a module from ``last.ckpt``, or from the start if that is missing or unreadable.

    Args:
        trainer: Trainer with ``checkpoint`` among its callbacks.
        module: Module to train.
        data: Data module, set up for training.
        checkpoint: Callback that states the folder of ``last.ckpt``.
    """
    last = checkpoint.folder / LAST
    saved = _read_checkpoint(last)
    if saved is not None:
        checkpoint.load_state_dict(saved["callbacks"][checkpoint.state_key])
        if checkpoint.out_of_patience(saved["epoch"]):
            return  # the process ended after the last epoch, before the result was written
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
