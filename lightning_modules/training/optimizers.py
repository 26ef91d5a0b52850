"""From a recipe to torch optimisers, schedules and callbacks."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import OneCycleLR

if TYPE_CHECKING:
    from pytorch_lightning.utilities.types import OptimizerLRScheduler

    from lightning_modules.training.recipe import Recipe


def make_optimizer(module: nn.Module, recipe: Recipe) -> Optimizer:
    """Build the optimiser of ``recipe`` over the learned parameters of ``module``."""
    learned = [p for p in module.parameters() if p.requires_grad]
    lr, decay = recipe.lr, recipe.weight_decay
    optimizer: Optimizer
    # Fused steps touch every weight once: a third of the time of the plain loop.
    if recipe.optimizer == "adam":
        optimizer = Adam(learned, lr, weight_decay=decay, fused=True)
    elif recipe.optimizer == "sgd":
        optimizer = _sgd(module, lr, decay)
    else:
        # Decay pulls towards zero, where a bias or the scale of a norm has no reason to go.
        groups = [
            {"params": [p for p in learned if p.ndim > 1], "weight_decay": decay},
            {"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimizer = AdamW(groups, lr, fused=True)
    return _clippable(optimizer)


def configure(
    module: nn.Module, recipe: Recipe, total_steps: int, epoch: int = 0
) -> OptimizerLRScheduler:
    """Return optimiser and schedule in the form Lightning takes.

    Args:
        module: Model to train.
        recipe: Its recipe.
        total_steps: Optimiser steps of the whole training, the length of the cycle.
        epoch: Last epoch of the checkpoint that training resumes from.
    """
    if recipe.schedule == "won2020" and (phase := phase_of(recipe, epoch)):
        return {"optimizer": _phase_optimizer(module, recipe, phase)}
    optimizer = make_optimizer(module, recipe)
    if recipe.schedule != "one_cycle":
        return {"optimizer": optimizer}
    schedule = OneCycleLR(optimizer, max_lr=recipe.lr, total_steps=total_steps)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def callbacks(recipe: Recipe) -> list[pl.Callback]:
    """Return the callbacks that ``recipe`` needs to be what it says."""
    return [Won2020Phases(recipe)] if recipe.schedule == "won2020" else []


def phase_starts(recipe: Recipe) -> list[int]:
    """Return the first epochs of phases 1, 2 and 3: 80, 100 and 120 of 200 epochs."""
    return [round(recipe.epochs * share) for share in (0.4, 0.5, 0.6)]


def phase_of(recipe: Recipe, epoch: int) -> int:
    """Return the phase, 0 to 3, that ``epoch`` belongs to."""
    return bisect_right(phase_starts(recipe), epoch)


class Won2020Phases(pl.Callback):
    """Adam, then SGD at ten times, once and a tenth of its rate, each from the best weights.

    The schedule of Won et al. 2020 (solver.py): Adam 1e-4; after 80 epochs the weights of lowest
    validation loss and SGD 1e-3 with Nesterov momentum 0.9; after 20 more the best again and
    1e-4; after another 20 the best again and 1e-5. Another budget keeps the proportions.

    The best weights travel inside the checkpoint: a run resumed in any phase must not depend on
    a file that a later epoch may have overwritten.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.best_loss = float("inf")
        self.best_weights: dict[str, Tensor] = {}

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs."""
        return {"best_loss": self.best_loss, "best_weights": self.best_weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take it back."""
        self.best_loss = state_dict["best_loss"]
        self.best_weights = state_dict["best_weights"]

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the weights if no epoch had a lower loss."""
        loss = float(trainer.callback_metrics["valid_loss"])
        if not trainer.sanity_checking and loss < self.best_loss:
            self.best_loss = loss
            self.best_weights = {k: v.detach().clone() for k, v in pl_module.state_dict().items()}

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Begin a new phase where one is due."""
        epoch = trainer.current_epoch
        if batch_idx or epoch not in phase_starts(self.recipe):
            return
        phase = phase_of(self.recipe, epoch)
        if self.best_weights:
            pl_module.load_state_dict(self.best_weights)
        if phase_of(self.recipe, epoch - 1) == 0:
            trainer.optimizers = [_phase_optimizer(pl_module, self.recipe, phase)]
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = _phase_lr(self.recipe, phase)


def _phase_lr(recipe: Recipe, phase: int) -> float:
    return recipe.lr * (1.0, 10.0, 1.0, 0.1)[phase]


def _phase_optimizer(module: nn.Module, recipe: Recipe, phase: int) -> Optimizer:
    return _clippable(_sgd(module, _phase_lr(recipe, phase), recipe.weight_decay))


def _sgd(module: nn.Module, lr: float, decay: float) -> SGD:
    learned = [p for p in module.parameters() if p.requires_grad]
    return SGD(learned, lr, momentum=0.9, weight_decay=decay, nesterov=True, fused=True)


def _clippable(optimizer: Optimizer) -> Optimizer:
    # Lightning takes a fused optimiser for one that unscales float16 gradients by itself and
    # refuses to clip them. Ours never see float16.
    optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined]
    return optimizer
