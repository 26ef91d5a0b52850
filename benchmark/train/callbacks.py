"""Lightning callbacks of a training cell: checkpoints, early stopping and progress events."""

from __future__ import annotations

import io
import logging
import math
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, Checkpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO

from benchmark.plan.jobs import PROGRESS_EVERY_S, Emit
from benchmark.store.cells import BEST, LAST
from datamodules.common.filesystem import naming_errors
from lightning_modules.training.recipe import Recipe


class BestAndLastCheckpoint(Checkpoint):
    """Save the best and the latest epoch, and stop the training when patience runs out.

    Each file is written atomically. The best score and the history of logged values are part of
    the checkpoints, so that a resumed training compares with the same best score and its learning
    curves are complete.

    Args:
        folder: Folder of the cell.
        recipe: Recipe that states the monitored value, its mode and the patience.

    Attributes:
        best_score: Best monitored value so far; NaN before the first epoch.
        best_epoch: Zero-based epoch of `best_score`; -1 before the first epoch.
        history: Finite logged values of each epoch, with the epoch and the global step.
    """

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        super().__init__()
        self.folder = folder
        self.recipe = recipe
        self.best_score = math.nan
        self.best_epoch = -1
        self.history: list[dict[str, float]] = []

    def state_dict(self) -> dict[str, Any]:
        """Return the state that a checkpoint stores."""
        return {
            "best_score": self.best_score,
            "best_epoch": self.best_epoch,
            "history": self.history,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state saved by `state_dict`."""
        self.best_score = state_dict["best_score"]
        self.best_epoch = state_dict["best_epoch"]
        self.history = list(state_dict["history"])

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Record the logged values and save the checkpoints, after the validation of the epoch."""
        epoch = trainer.current_epoch
        # A stage without validation keeps its last epoch.
        monitored = trainer.callback_metrics.get(self.recipe.monitor)
        score = math.nan if monitored is None else float(monitored)
        logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
        steps = {"epoch": epoch, "trainer/global_step": trainer.global_step}
        self.history.append(steps | {k: v for k, v in logged.items() if math.isfinite(v)})
        if monitored is None or self._improves(score):
            self.best_score, self.best_epoch = score, epoch
            self.save(trainer, BEST)
        if self.out_of_patience(epoch):
            trainer.should_stop = True
        self.save(trainer, LAST)

    def out_of_patience(self, epoch: int) -> bool:
        """Return whether the training stops after ``epoch``."""
        patience = self.recipe.patience
        return patience is not None and epoch - self.best_epoch >= patience

    def _improves(self, score: float) -> bool:
        if math.isnan(self.best_score):  # the first epoch is always saved, even with a NaN score
            return True
        if self.recipe.monitor_mode == "min":
            return score < self.best_score
        return score > self.best_score

    def save(self, trainer: pl.Trainer, name: str) -> None:
        """Write a checkpoint to a temporary file and rename it.

        Args:
            trainer: Its state is saved.
            name: File name in the folder of the cell.
        """
        temporary = self.folder / f"{name}.part"
        try:
            trainer.save_checkpoint(temporary)  # all processes take part, and one writes
            if trainer.is_global_zero:
                temporary.replace(self.folder / name)
        except BaseException:
            if trainer.is_global_zero:
                temporary.unlink(missing_ok=True)
            raise


class CheckpointFiles(TorchCheckpointIO):
    """Writes checkpoints directly to their files.

    Lightning writes to the temporary folder of the system first and moves the file from there. If
    the target disk is full, it leaves that copy behind.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint to ``path``; there are no storage options.

        Raises:
            OSError: The file cannot be written; the error names it.
        """
        content = io.BytesIO()
        torch.save(checkpoint, content)
        with naming_errors(Path(path)):
            Path(path).write_bytes(content.getbuffer())


class ProgressEvents(Callback):
    """Send progress events of a training to the runner, a few times a second.

    An event shows the losses of the last complete epoch, which are read once at its end. Reading
    the loss of the current step would make the CPU wait for the GPU.

    Args:
        cell: Id of the training cell.
        emit: Receives the events.
        every_s: Shortest time between two events of an epoch, in seconds.
    """

    def __init__(self, cell: str, emit: Emit, every_s: float = PROGRESS_EVERY_S) -> None:
        self.cell, self.emit, self.every_s = cell, emit, every_s
        self._sent_at, self._losses = -math.inf, ""

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Send the number of finished and of all steps; always after the first step of an epoch."""
        now = time.monotonic()
        if batch_idx > 0 and now - self._sent_at < self.every_s:
            return
        self._sent_at = now
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
        """Read the losses and scores of the epoch, for the events of the next one."""
        metrics = trainer.callback_metrics
        self._losses = " ".join(
            f"{name} {float(metrics[name]):.4f}"
            for name in ("train_loss", "valid_loss", "valid_roc_auc", "valid_accuracy")
            if name in metrics
        )


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Silence Lightning's messages and warnings about interactive use."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # The metrics that this warning names are the same in all processes already.
        warnings.filterwarnings("ignore", message=".*recommended to use `self.log.*sync_dist.*")
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
        warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
        # A training with --devices cpu leaves a GPU unused on purpose.
        warnings.filterwarnings("ignore", message="GPU available but not used.*")
        # A frozen encoder stays in evaluation mode.
        warnings.filterwarnings(
            "ignore", message=r"Found \d+ module\(s\) in eval mode at the start.*"
        )
        # A stage without validation has no validation batches.
        warnings.filterwarnings("ignore", message="Total length of .* across ranks is zero.*")
        try:
            yield
        finally:
            logger.setLevel(level)
