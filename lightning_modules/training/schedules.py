"""Construction of the optimizer, schedule and callbacks of a recipe, as Lightning expects them."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, SupportsFloat

import pytorch_lightning as pl
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR, ReduceLROnPlateau

from lightning_modules.training.adam_then_sgd import (
    PHASES,
    AdamThenSGD,
    phase_of,
    phase_optimizer,
)
from lightning_modules.training.optimizers import Named, make_optimizer

if TYPE_CHECKING:
    from pytorch_lightning.utilities.types import OptimizerLRScheduler

    from lightning_modules.training.recipe import Recipe


def configure(
    parameters: Named, recipe: Recipe, total_steps: int, epoch: int = 0
) -> OptimizerLRScheduler:
    """Return optimizer and schedule in the form that ``configure_optimizers`` returns.

    Args:
        parameters: Parameters to optimize.
        recipe: The recipe.
        total_steps: Optimizer steps of the whole training, the length of the cycle.
        epoch: Last epoch of the checkpoint that training resumes from.
    """
    if recipe.schedule in PHASES and (phase := phase_of(recipe, epoch)):
        return {"optimizer": phase_optimizer(parameters, recipe, phase)}
    if recipe.schedule == "self_attention_2019":
        recipe = recipe.model_copy(update={"weight_decay": 0.0})
    optimizer = make_optimizer(parameters, recipe)
    if recipe.schedule in ("plateau", "newbob"):
        return _plateau(optimizer, recipe)
    schedule: OneCycleLR | LambdaLR
    if recipe.schedule == "one_cycle":
        peaks = [float(group["lr"]) for group in optimizer.param_groups]
        schedule = OneCycleLR(optimizer, max_lr=peaks, total_steps=total_steps)
    elif recipe.schedule in _BY_STEP or recipe.warmup_epochs:
        schedule = LambdaLR(optimizer, partial(factor, recipe, total_steps))
    else:
        return {"optimizer": optimizer}
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


_BY_STEP = ("cosine", "exponential", "korzeniowski2020")
"""Schedules that are a function of the step."""


class Newbob(ReduceLROnPlateau):
    """Reduce the learning rate after every epoch from the first plateau on.

    The name is that of the schedule in toolkits for speech recognition.
    """

    def step(  # type: ignore[override]
        self, metrics: SupportsFloat, epoch: int | None = None
    ) -> None:
        """Take the metric of an epoch."""
        before = self.get_last_lr()
        super().step(metrics)
        if self.get_last_lr() != before:
            self.patience = -1  # from now on, every epoch counts as a plateau


def _plateau(optimizer: Optimizer, recipe: Recipe) -> OptimizerLRScheduler:
    schedule = Newbob if recipe.schedule == "newbob" else ReduceLROnPlateau
    plateau = schedule(
        optimizer,
        mode=recipe.monitor_mode,
        factor=recipe.plateau_factor,
        patience=recipe.plateau_patience,
    )
    return {
        "optimizer": optimizer,
        "lr_scheduler": {"scheduler": plateau, "interval": "epoch", "monitor": recipe.monitor},
    }


def factor(recipe: Recipe, total_steps: int, step: int) -> float:
    """Return the factor of the learning rate in a step: linear warm-up, then the schedule.

    Args:
        recipe: Recipe with the schedule ``constant``, ``cosine``, ``exponential`` or
            ``korzeniowski2020``.
        total_steps: Optimizer steps of the whole training.
        step: Number of the step, from 0.
    """
    per_epoch = total_steps / recipe.epochs
    warmup = round(recipe.warmup_epochs * per_epoch)
    if recipe.schedule == "korzeniowski2020":
        return _korzeniowski2020(warmup, total_steps, step)
    if step < warmup:
        return (step + 1) / warmup
    if recipe.schedule == "cosine":
        done = min(1.0, (step - warmup) / max(1, total_steps - warmup))
        return recipe.min_factor + (1 - recipe.min_factor) * (1 + math.cos(math.pi * done)) / 2
    if recipe.schedule == "exponential":
        return recipe.gamma ** int((step - warmup) / per_epoch)
    return 1.0


def _korzeniowski2020(warmup: int, total_steps: int, step: int) -> float:
    """Return the factor that the published training has, as its library computes it.

    The first step has the full rate. Then the rate rises from 0, and reaches the full rate after
    the warm-up. The cosine that follows has the length of the whole training, so that the training
    ends before it reaches 0.
    """
    if step == 0:
        return 1.0
    if step < warmup:
        return (step - 1) / (warmup - 1)
    return (1 + math.cos(math.pi * (step - warmup) / total_steps)) / 2


def callbacks(recipe: Recipe) -> list[pl.Callback]:
    """Return the callbacks that the schedule of ``recipe`` needs."""
    return [AdamThenSGD(recipe)] if recipe.schedule in PHASES else []
