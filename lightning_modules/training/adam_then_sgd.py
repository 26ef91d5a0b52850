"""The training schedules of Won et al. 2019 and 2020: Adam, then three phases of SGD."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
from torch import Tensor
from torch.optim import Optimizer

from lightning_modules.training.optimizers import Named, nesterov_sgd

if TYPE_CHECKING:
    from lightning_modules.training.recipe import Recipe


PHASES: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {"won2020": (0.4, 0.5, 0.6), "self_attention_2019": (0.3, 0.4, 0.5)}
)
"""Starts of phases 1, 2 and 3 by the name of the schedule, as shares of all epochs."""


def phase_starts(recipe: Recipe) -> list[int]:
    """Return the first epochs of phases 1, 2 and 3.

    Of 200 epochs, they are 80, 100 and 120 under ``won2020``.
    """
    return [round(recipe.epochs * share) for share in PHASES[recipe.schedule]]


def phase_of(recipe: Recipe, epoch: int) -> int:
    """Return the phase, 0 to 3, that ``epoch`` belongs to."""
    return bisect_right(phase_starts(recipe), epoch)


def phase_optimizer(parameters: Named, recipe: Recipe, phase: int) -> Optimizer:
    """Build the SGD optimizer of phase 1, 2 or 3."""
    return nesterov_sgd(parameters, _phase_lr(recipe, phase), recipe.weight_decay)


class AdamThenSGD(pl.Callback):
    """Adam, then SGD at ten times, once and a tenth of its rate, each from the best weights.

    The schedule of Won et al. 2020 (solver.py): Adam 1e-4; after 80 epochs the weights of lowest
    validation loss and SGD 1e-3 with Nesterov momentum 0.9; after 20 more the best again and
    1e-4; after another 20 the best again and 1e-5. Another budget keeps the proportions.

    Under ``self_attention_2019``, SGD starts after 60 of 200 epochs, Adam has no weight decay, and
    no phase returns to the best weights.

    The best weights are stored in the checkpoint, because a run that resumes in any phase must
    not depend on a file that a later epoch may have overwritten.

    Args:
        recipe: Number of epochs and learning rate.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.best_loss = float("inf")
        self.best_weights: dict[str, Tensor] = {}

    def state_dict(self) -> dict[str, Any]:
        """Return the lowest validation loss and its weights, for a checkpoint."""
        return {"best_loss": self.best_loss, "best_weights": self.best_weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state saved by ``state_dict``."""
        self.best_loss = state_dict["best_loss"]
        self.best_weights = state_dict["best_weights"]

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the weights if no earlier epoch had a lower loss."""
        if self.recipe.schedule != "won2020":
            return
        loss = float(trainer.callback_metrics["valid_loss"])
        if not trainer.sanity_checking and loss < self.best_loss:
            self.best_loss = loss
            self.best_weights = {k: v.detach().clone() for k, v in pl_module.state_dict().items()}

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        """Start a new phase at the first batch of its first epoch."""
        epoch = trainer.current_epoch
        if batch_idx or epoch not in phase_starts(self.recipe):
            return
        phase = phase_of(self.recipe, epoch)
        if self.best_weights:
            pl_module.load_state_dict(self.best_weights)
        if phase_of(self.recipe, epoch - 1) == 0:
            trainer.optimizers = [
                phase_optimizer(pl_module.learned_parameters(), self.recipe, phase)
            ]
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = _phase_lr(self.recipe, phase)


def _phase_lr(recipe: Recipe, phase: int) -> float:
    return recipe.lr * (1.0, 10.0, 1.0, 0.1)[phase]
