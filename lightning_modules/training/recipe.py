"""Training recipes: all settings that decide how a model is trained.

This module does not import torch, so that planning runs is fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from datamodules.common.errors import unknown_name

Monitor = Literal["valid_loss", "valid_roc_auc", "valid_pr_auc", "valid_accuracy"]


ADDED = frozenset({"sync_batchnorm"})
"""Fields that identities contain only where they differ from their defaults."""


class Recipe(BaseModel):
    """Optimizer, schedule and budget of a training; part of the identity of a trained model.

    Attributes:
        name: Label in tables. It does not affect training, and is not part of the identity.
        epochs: Passes over the training tracks, one random window per track each.
        batch_size: Windows per optimizer step.
        optimizer: ``adamw`` decouples the weight decay and does not apply it to biases and norms;
            ``adam`` and ``sgd`` (Nesterov, momentum 0.9) add it to the gradient of all parameters.
        lr: Learning rate; the peak under ``one_cycle``.
        weight_decay: Weight decay, see ``optimizer``.
        schedule: ``one_cycle`` (Smith and Topin 2019), ``constant``, or ``won2020``: the four
            phases of Won et al. 2020, see ``adam_then_sgd.Won2020Phases``.
        precision: ``bf16`` runs convolutions in bfloat16 under autocast; weights stay float32.
        monitor: Validation metric that selects the best epoch.
        patience: Number of epochs without a better ``monitor`` after which training stops; None
            trains for all epochs. Use it with ``constant``: under ``one_cycle`` the learning rate
            anneals until the last epoch, and a training that stops earlier has not annealed.
        valid_windows: Windows per validation track; None uses all of them.
        grad_clip: Maximum norm of the gradient; None does not clip.
        sync_batchnorm: Where several processes train the model, batch norm uses the mean and the
            variance of the whole batch, and not of the share of each process.
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
    sync_batchnorm: bool = False

    def science(self) -> dict[str, Any]:
        """Return the fields that determine a training, as JSON values.

        The name is left out, and so is a field in ``ADDED`` that has its default: identities from
        before the field existed stay valid.
        """
        content = self.model_dump(mode="json", exclude={"name"})
        fields = type(self).model_fields
        return {
            name: value
            for name, value in content.items()
            if name not in ADDED or value != fields[name].default
        }

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
            # For a few hundred tracks in minutes: one cycle allows a high peak learning rate.
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
            # One optimizer and one schedule in place of the four phases of the paper. There is no
            # patience: the rate peaks at epoch 18 and anneals until epoch 60, so that a stop after
            # some epochs of noise near the peak would give up the gain of the annealing. The best
            # epoch is kept in any case.
            Recipe(
                name="standard",
                epochs=60,
                batch_size=16,
                lr=1e-3,
                weight_decay=1e-2,
                precision="bf16",
                valid_windows=4,
                grad_clip=1.0,
            ),
            # The settings of the published solver of Won et al. 2020.
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


def as_recipe(recipe: Recipe | Mapping[str, Any] | None) -> Recipe:
    """Return a recipe from its fields; the preset ``standard`` for None."""
    if recipe is None:
        return RECIPES["standard"]
    return recipe if isinstance(recipe, Recipe) else Recipe.model_validate(dict(recipe))
