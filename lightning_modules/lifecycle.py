"""Training and validation of an architecture as Lightning runs them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from datamodules.common.seeding import seed_for
from lightning_modules.training import schedules
from lightning_modules.training.objective import Objective
from lightning_modules.training.recipe import Recipe
from lightning_modules.training.track_metrics import TrackScores

if TYPE_CHECKING:
    from pytorch_lightning.utilities.types import OptimizerLRScheduler

    from datamodules.base import Batch

Task = Literal["multilabel", "singlelabel"]

STAGE_LAYERS = "stage."
"""Prefix of the names of the layers that only training needs."""


class Lifecycle(pl.LightningModule):
    """Steps, validation metrics, optimizer and checkpoints of a model.

    Args:
        recipe: Training recipe.
        task: Decides the validation metrics.
        seed: Key of all randomness in training, such as dropout.

    Attributes:
        stage: How the model is trained; None trains on labels.
        validated_tags: Outputs that the validation metrics are computed on; None for all. Tags that
            a stage does not train on must not select the epoch.
    """

    stage: Objective | None
    validated_tags: list[int] | None

    def __init__(self, recipe: Recipe, task: Task, seed: int) -> None:
        super().__init__()
        self.recipe = recipe
        self.seed = seed
        self.stage = None
        self.validated_tags = None
        self._resumed_epoch = 0
        self.valid_scores = TrackScores(task)

    @abstractmethod
    def supervised_loss(self, batch: Batch) -> Tensor:
        """Return the mean loss over the windows of a labelled batch."""

    @abstractmethod
    def evaluate_batch(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the loss (N,) and the probabilities (N, C) of each track of a validation batch."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the loss of a step.

        Args:
            batch: A labelled batch; of a stage, its batches by name.
            batch_idx: Number of the step in its epoch.
        """
        if self.stage is None:
            terms: Mapping[str, Tensor] = {"loss": self.supervised_loss(batch)}
            size = len(batch["targets"])
        else:
            terms = self.stage.loss(self, batch)
            size = len(next(iter(batch.values()))["targets"])
        logged = {f"train_{name}": term for name, term in terms.items()}
        self.log_dict(logged, on_step=False, on_epoch=True, batch_size=size, sync_dist=True)
        return terms["loss"]

    def validation_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Add the tracks of the batch to the validation metrics, and return their mean loss."""
        targets = batch["targets"]
        columns = slice(None) if self.validated_tags is None else self.validated_tags
        if not len(targets):  # there are fewer batches than processes
            self.valid_scores.update(targets[:, columns], targets[:, columns], targets.sum(1))
            return targets.sum()
        track_losses, scores = self.evaluate_batch(batch)
        self.valid_scores.update(scores[:, columns], targets[:, columns], track_losses)
        return track_losses.mean()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Reseed torch, so that a step does not depend on the random numbers drawn before it.

        Dropout has no generator of its own. A resumed run gives the weights of an uninterrupted
        one, bit for bit. The seed is set, and the stage prepares the step, in every batch because
        Lightning skips ``on_train_epoch_start`` when it resumes from a checkpoint written after
        validation.
        """
        torch.manual_seed(
            seed_for("train", self.seed, self.current_epoch, batch_idx, self.global_rank)
        )
        if self.stage is not None:
            self.stage.begin_step(self)

    def on_validation_epoch_end(self) -> None:
        """Log ``valid_loss`` and the metrics of the task, computed over all tracks of the epoch."""
        scores = {f"valid_{name}": float(v) for name, v in self.valid_scores.compute().items()}
        # All processes must take the same decisions, such as to stop, to the last bit.
        self.log_dict(self.trainer.strategy.broadcast(scores))
        self.valid_scores.reset()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Build the optimizer and the schedule of the recipe."""
        steps = int(self.trainer.estimated_stepping_batches)
        learned = self.learned_parameters()
        return schedules.configure(learned, self.recipe, steps, self._resumed_epoch)

    def learned_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """Return name and value of each parameter that the optimizer changes."""
        if self.stage is not None:
            return list(self.stage.learned_parameters(self))
        return [(name, p) for name, p in self.named_parameters() if p.requires_grad]

    def configure_callbacks(self) -> Sequence[pl.Callback]:
        """Return the callbacks that the recipe needs, which Lightning adds to the Trainer."""
        return schedules.callbacks(self.recipe)

    def on_fit_start(self) -> None:
        """Move the parents of the stage to the device of the model."""
        if self.stage is not None:
            self.stage.move_parents(self.device)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the layers of the stage apart from those of the model."""
        weights = checkpoint["state_dict"]
        names = [name for name in weights if name.startswith(STAGE_LAYERS)]
        if names:
            checkpoint["stage"] = {name: weights.pop(name) for name in names}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the epoch, which decides the optimizer that the checkpoint holds."""
        self._resumed_epoch = int(checkpoint.get("epoch", 0))
        checkpoint["state_dict"] |= checkpoint.get("stage", {})
