"""From a training cell to ``best.ckpt``."""

from __future__ import annotations

import logging
import math
import pickle
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, Checkpoint

from benchmark import determinism
from benchmark.config.classes import import_class
from benchmark.config.datasets import data_module
from benchmark.malloc import return_freed_memory
from benchmark.plan.jobs import PROGRESS_EVERY_S, Emit, Runtime
from benchmark.store.cells import BEST, LAST
from benchmark.store.provenance import provenance
from benchmark.store.store import Store
from benchmark.tracking.wandb import training_logger
from datamodules.base import TaggingDataModule
from lightning_modules.base import TaggingModule
from lightning_modules.training.recipe import Recipe


class BestAndLast(Checkpoint):
    """Keep the epoch with the best monitored value and the latest one, each written atomically.

    The score and the history travel in the checkpoint, so that a resumed run keeps comparing with
    the true best, and its curves have no gap.

    Args:
        folder: The cell's folder.
        recipe: Names the logged value to watch and the patience.
    """

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        super().__init__()
        self.folder = folder
        self.recipe = recipe
        self.best_score = math.nan
        self.best_epoch = -1
        self.history: list[dict[str, float]] = []

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs."""
        return {
            "best_score": self.best_score,
            "best_epoch": self.best_epoch,
            "history": self.history,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the best score and its epoch."""
        self.best_score = state_dict["best_score"]
        self.best_epoch = state_dict["best_epoch"]
        self.history = list(state_dict.get("history", []))  # older checkpoints have none

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save after validation, when the epoch counts as processed."""
        score = float(trainer.callback_metrics[self.recipe.monitor])
        epoch = trainer.current_epoch
        logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
        steps = {"epoch": epoch, "trainer/global_step": trainer.global_step}
        self.history.append(steps | {k: v for k, v in logged.items() if math.isfinite(v)})
        if self._improves(score):
            self.best_score, self.best_epoch = score, epoch
            self.save(trainer, BEST)
        if self.out_of_patience(epoch):
            trainer.should_stop = True
        self.save(trainer, LAST)

    def out_of_patience(self, epoch: int) -> bool:
        """Tell whether ``epoch`` is the last one."""
        patience = self.recipe.patience
        return patience is not None and epoch - self.best_epoch >= patience

    def _improves(self, score: float) -> bool:
        if math.isnan(self.best_score):  # the first epoch always leaves a file
            return True
        if self.recipe.monitor_mode == "min":
            return score < self.best_score
        return score > self.best_score

    def save(self, trainer: pl.Trainer, name: str) -> None:
        """Write a checkpoint so that a reader sees the old one or the whole new one."""
        part = self.folder / f"{name}.part"
        trainer.save_checkpoint(part)
        if trainer.is_global_zero:
            part.replace(self.folder / name)


class Progress(Callback):
    """Report the progress of a training to the runner, a few times a second.

    The losses shown are those of the last whole epoch, read once at its end: reading a value of
    the step at hand would make the CPU wait for the GPU.

    Args:
        cell: Id of the training cell.
        emit: Receives the events.
        every_s: Shortest time between two events of an epoch, in seconds.
    """

    def __init__(self, cell: str, emit: Emit, every_s: float = PROGRESS_EVERY_S) -> None:
        self.cell, self.emit, self.every_s = cell, emit, every_s
        self._sent, self._losses = -math.inf, ""

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Send the number of steps done and in all; always after the first step of an epoch."""
        now = time.monotonic()
        if batch_idx > 0 and now - self._sent < self.every_s:
            return
        self._sent = now
        self.emit(
            {
                "event": "progress",
                "cell": self.cell,
                "done": trainer.global_step,
                "total": int(trainer.estimated_stepping_batches),
                "text": f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs} {self._losses}",
            }
        )

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note the losses and scores of the epoch."""
        metrics = trainer.callback_metrics
        self._losses = " ".join(
            f"{name} {float(metrics[name]):.4f}"
            for name in ("train_loss", "valid_loss", "valid_roc_auc", "valid_accuracy")
            if name in metrics
        )


def train(cell: str, store: Store, runtime: Runtime, emit: Emit) -> None:
    """Train one cell, or go on where it was stopped.

    Args:
        cell: Id; its ``cell.json`` says what to train on what.
        store: Where it lies.
        runtime: Device, threads, W&B.
        emit: Receives the progress.
    """
    document = store.read(cell)
    preimage, launch, labels = document["preimage"], document["launch"], document["labels"]
    folder = store.folder(cell)
    recipe = Recipe.model_validate({**preimage["recipe"], "name": labels["preset"]})
    module_class = import_class(document["launch"]["model_class"], TaggingModule, f"cell {cell}")
    data = data_module(
        launch,
        Path(runtime.data_root),
        window=preimage["architecture"]["window"],
        model_rate=preimage["architecture"]["sample_rate"],
        batch_size=recipe.batch_size,
        seed=preimage["seed"],
        # On a CPU the windows come faster than the model eats them, and cores are scarce.
        workers=runtime.workers if runtime.device.startswith("cuda") else 0,
        valid_windows=recipe.valid_windows,
    )
    module = module_class.build(
        seed=preimage["seed"],
        n_tags=len(data.tags),
        task=preimage["inputs"]["task"],
        recipe=recipe.model_dump(mode="json"),
        **preimage["architecture"]["params"],
    )
    data.prepare_data()
    data.setup("fit")
    counts = torch.as_tensor(data.corpus.targets("train").sum(axis=0), dtype=torch.float32)
    module.fit_priors(counts, len(data.corpus.rows("train")))
    started, worked = time.perf_counter(), time.process_time()
    keeper = BestAndLast(folder, recipe)
    with training_logger(cell, document, runtime) as logger, quiet_lightning():
        trainer = pl.Trainer(
            accelerator="gpu" if runtime.device.startswith("cuda") else "cpu",
            devices=[int(runtime.device.split(":")[1])] if ":" in runtime.device else 1,
            max_epochs=recipe.epochs,
            precision=recipe.trainer_precision,
            gradient_clip_val=recipe.grad_clip,
            callbacks=[keeper, Progress(cell, emit)],
            logger=logger,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            log_every_n_steps=1,
            use_distributed_sampler=False,
            default_root_dir=str(folder),
        )
        if module.learns:
            fit(trainer, module, data, keeper, folder / LAST)
            return_freed_memory()  # training needs gigabytes that nothing after it does
        else:
            trainer.strategy.connect(module)
            keeper.save(trainer, BEST)
    store.finish(
        cell,
        {
            "best_epoch": keeper.best_epoch,
            recipe.monitor: keeper.best_score if math.isfinite(keeper.best_score) else None,
            "epochs_run": trainer.current_epoch,
            "history": keeper.history,
            "tags": list(data.tags),
            "seconds": time.perf_counter() - started,
            "cpu_seconds": time.process_time() - worked,
            "device": runtime.device,
            "provenance": provenance() | determinism.describe(runtime.device),
        },
        [BEST],
    )


def fit(
    trainer: pl.Trainer,
    module: TaggingModule,
    data: TaggingDataModule,
    keeper: BestAndLast,
    last: Path,
) -> None:
    """Fit from the last whole epoch, or from the start where there is none that can be read."""
    saved = _read_checkpoint(last)
    if saved is not None:
        keeper.load_state_dict(saved["callbacks"][keeper.state_key])
        if keeper.out_of_patience(saved["epoch"]):
            return  # it was killed after its last epoch
    trainer.fit(
        module, datamodule=data, ckpt_path=last if saved is not None else None, weights_only=True
    )


def _read_checkpoint(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        logging.getLogger(__name__).warning("%s cannot be read (%s): starting anew", path, error)
        return None
    return found


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Silence hints that concern a person at a keyboard, not a benchmark."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
        warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
        try:
            yield
        finally:
            logger.setLevel(level)
