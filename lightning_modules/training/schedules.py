"""Construction of the optimizer, schedule and callbacks of a recipe, as Lightning expects them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytorch_lightning as pl
from torch.optim.lr_scheduler import OneCycleLR

from lightning_modules.training.adam_then_sgd import Won2020Phases, phase_of, phase_optimizer
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
    if recipe.schedule == "won2020" and (phase := phase_of(recipe, epoch)):
        return {"optimizer": phase_optimizer(parameters, recipe, phase)}
    optimizer = make_optimizer(parameters, recipe)
    if recipe.schedule != "one_cycle":
        return {"optimizer": optimizer}
    schedule = OneCycleLR(optimizer, max_lr=recipe.lr, total_steps=total_steps)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def callbacks(recipe: Recipe) -> list[pl.Callback]:
    """Return the callbacks that the schedule of ``recipe`` needs."""
    return [Won2020Phases(recipe)] if recipe.schedule == "won2020" else []
