"""Training recipes: every number that decides how a model is trained, and nothing else.

This module imports no torch, so that plans and identities stay cheap to compute.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from datamodules.common.errors import unknown_name

Monitor = Literal["valid_loss", "valid_roc_auc", "valid_pr_auc", "valid_accuracy"]


class Recipe(BaseModel):
    """One optimiser, one schedule, one budget; part of the identity of a trained model.

    Attributes:
        name: Label shown to people; two recipes with equal numbers train equal models.
        epochs: Passes over the training tracks, one random window per track each.
        batch_size: Windows per optimiser step.
        optimizer: ``adamw`` decouples the decay and spares biases and norms; ``adam`` and
            ``sgd`` (Nesterov, momentum 0.9) add it to the gradient of everything.
        lr: Learning rate; the peak under ``one_cycle``.
        weight_decay: Decay, see ``optimizer``.
        schedule: ``one_cycle`` (Smith and Topin 2019), ``constant``, or ``won2020``: the four
            phases of Won et al. 2020, see ``optim.Won2020Phases``.
        precision: ``bf16`` runs convolutions under bfloat16 autocast; weights stay float32.
        monitor: Validation figure that picks the best epoch.
        patience: Epochs without a better ``monitor`` before training stops; None never stops.
        valid_windows: Windows per validation track; None takes all of them.
        grad_clip: Largest gradient norm; None does not clip.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str = "custom"
    epochs: int = Field(ge=1)
    batch_size: int = Field(default=16, ge=1)
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    lr: float = Field(gt=0, allow_inf_nan=False)
    weight_decay: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    schedule: Literal["one_cycle", "constant", "won2020"] = "one_cycle"
    precision: Literal["32", "bf16"] = "32"
    monitor: Monitor = "valid_loss"
    patience: int | None = Field(default=None, ge=1)
    valid_windows: int | None = Field(default=None, ge=1)
    grad_clip: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @property
    def monitor_mode(self) -> Literal["min", "max"]:
        """Whether a smaller or a larger ``monitor`` is better."""
        return "min" if self.monitor == "valid_loss" else "max"

    @property
    def trainer_precision(self) -> Literal["32-true", "bf16-mixed"]:
        """The value of Lightning's ``Trainer(precision=...)``."""
        return "bf16-mixed" if self.precision == "bf16" else "32-true"


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        recipe.name: recipe
        for recipe in (
            # A few hundred tracks in minutes: a high peak rate that one cycle makes safe.
            Recipe(
                name="quick",
                epochs=5,
                batch_size=8,
                lr=1e-3,
                weight_decay=1e-2,
                precision="bf16",
                valid_windows=2,
                grad_clip=1.0,
            ),
            # One optimiser and one schedule where the paper has four phases by hand.
            Recipe(
                name="standard",
                epochs=60,
                batch_size=16,
                lr=1e-3,
                weight_decay=1e-2,
                precision="bf16",
                patience=15,
                valid_windows=4,
                grad_clip=1.0,
            ),
            # Won et al. 2020, as their solver runs it.
            Recipe(
                name="won2020",
                epochs=200,
                batch_size=16,
                optimizer="adam",
                lr=1e-4,
                weight_decay=1e-4,
                schedule="won2020",
                valid_windows=16,
            ),
        )
    }
)


def get_recipe(name: str) -> Recipe:
    """Return the preset called ``name``.

    Raises:
        TagbenchError: There is none; the message names the nearest.
    """
    if name not in RECIPES:
        raise unknown_name("recipe", name, RECIPES)
    return RECIPES[name]
