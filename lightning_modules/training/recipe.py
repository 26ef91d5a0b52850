"""Training recipes: all settings that decide how a model is trained.

This module does not import torch, so that planning runs is fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Monitor = Literal["valid_loss", "valid_roc_auc", "valid_pr_auc", "valid_accuracy"]
Schedule = Literal[
    "one_cycle",
    "constant",
    "cosine",
    "plateau",
    "newbob",
    "exponential",
    "won2020",
    "self_attention_2019",
    "korzeniowski2020",
]

ADDED: frozenset[str] = frozenset(
    {
        *("betas", "momentum", "nesterov", "lr_groups", "accumulate", "warmup_epochs"),
        *(
            "min_factor",
            "plateau_factor",
            "plateau_patience",
            "gamma",
            "sync_batchnorm",
            "reduction",
            "draws",
        ),
    }
)
"""Fields that identities contain only where they differ from their defaults."""

_USED_BY: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "betas": ("optimizer", ("adamw", "adam")),
        "momentum": ("optimizer", ("sgd",)),
        "nesterov": ("optimizer", ("sgd",)),
        "lr_groups": (
            "schedule",
            (
                *("one_cycle", "constant", "cosine", "plateau", "newbob", "exponential"),
                "korzeniowski2020",
            ),
        ),
        "warmup_epochs": ("schedule", ("constant", "cosine", "exponential", "korzeniowski2020")),
        "min_factor": ("schedule", ("cosine",)),
        "plateau_factor": ("schedule", ("plateau", "newbob")),
        "plateau_patience": ("schedule", ("plateau", "newbob")),
        "gamma": ("schedule", ("exponential",)),
    }
)
"""Fields that have an effect with some optimizers or schedules only."""

Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]


def _pair(value: object) -> object:
    """Return a list of YAML or JSON as a tuple."""
    return tuple(value) if isinstance(value, list) else value


class Recipe(BaseModel):
    """Optimizer, schedule and budget of a training; part of the identity of a trained model.

    Attributes:
        name: Label in tables. It does not affect training, and is not part of the identity.
        epochs: Passes over the training tracks, one random window per track each.
        batch_size: Windows per optimizer step.
        optimizer: ``adamw`` decouples the weight decay and does not apply it to biases and norms;
            ``adam`` and ``sgd`` add it to the gradient of all parameters.
        betas: Decay rates of the moments of ``adamw`` and ``adam``; ``one_cycle`` moves the first
            between 0.85 and 0.95 instead.
        momentum: Momentum of ``sgd``; ``one_cycle`` moves it between 0.85 and 0.95 instead.
        nesterov: Whether it is Nesterov momentum.
        lr: Learning rate; the peak under ``one_cycle``.
        lr_groups: Learning rates of parameters whose name begins with a prefix, in place of ``lr``;
            the longest prefix counts. The schedule scales all of them alike.
        weight_decay: Weight decay, see ``optimizer``.
        accumulate: Batches whose gradients are averaged before an optimizer step.
        schedule: ``one_cycle`` (Smith and Topin 2019), ``constant``, ``cosine`` (Loshchilov and
            Hutter 2017, without restarts), ``plateau``, ``newbob``: ``plateau`` whose factor
            applies after every epoch from the first plateau on, ``exponential``, ``won2020``: the
            four phases of Won et al. 2020, or ``self_attention_2019``: the same with earlier
            phases, without a return to the best weights, and with weight decay in the phases of SGD
            only; see ``adam_then_sgd``; or ``korzeniowski2020``: a linear warm-up, then a cosine of
            the length of the whole training, see ``schedules``.
        warmup_epochs: Epochs in which the learning rate rises linearly, before ``constant``,
            ``cosine``, ``exponential`` or ``korzeniowski2020`` begins.
        min_factor: Share of the learning rate at the end of ``cosine``.
        plateau_factor: Factor of the learning rate under ``plateau`` and ``newbob``, when
            ``monitor`` has not improved for more than ``plateau_patience`` epochs.
        plateau_patience: See ``plateau_factor``.
        gamma: Factor of the learning rate after each epoch under ``exponential``.
        precision: ``bf16`` runs convolutions in bfloat16 under autocast; weights stay float32.
        monitor: Validation metric that selects the best epoch.
        patience: Number of epochs without a better ``monitor`` after which training stops; None
            trains for all epochs. Use it with ``constant``: under ``one_cycle`` the learning rate
            anneals until the last epoch, and a training that stops earlier has not annealed.
        valid_windows: Windows per validation track; None uses all of them.
        grad_clip: Maximum norm of the gradient; None does not clip.
        sync_batchnorm: Where several processes train the model, batch norm uses the mean and the
            variance of the whole batch, and not of the share of each process.
        reduction: Whether a classifier of frames minimises the mean or the sum over the frames of a
            batch. Toolkits for speech recognition add, which explains their small learning rates.
        draws: Tracks that an epoch of triplets draws, with replacement; None for as many as there
            are training tracks. Other stages pass over the tracks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str = "custom"
    epochs: int = Field(ge=1)
    batch_size: int = Field(default=16, ge=1)
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    betas: Annotated[tuple[Share, Share], BeforeValidator(_pair)] = (0.9, 0.999)
    momentum: Share = 0.9
    nesterov: bool = True
    lr: Rate
    lr_groups: dict[str, Rate] = Field(default_factory=dict)
    weight_decay: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    accumulate: int = Field(default=1, ge=1)
    schedule: Schedule = "one_cycle"
    warmup_epochs: int = Field(default=0, ge=0)
    min_factor: float = Field(default=0.0, ge=0, le=1)
    plateau_factor: float = Field(default=0.1, gt=0, lt=1)
    plateau_patience: int = Field(default=5, ge=0)
    gamma: float = Field(default=0.95, gt=0, le=1)
    precision: Literal["32", "bf16"] = "32"
    monitor: Monitor = "valid_loss"
    patience: int | None = Field(default=None, ge=1)
    valid_windows: int | None = Field(default=None, ge=1)
    grad_clip: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    sync_batchnorm: bool = False
    reduction: Literal["mean", "sum"] = "mean"
    draws: int | None = Field(default=None, ge=1)

    def science(self) -> dict[str, Any]:
        """Return the fields that determine a training, as JSON values.

        The name is left out, and so is a field in ``ADDED`` that has its default: identities from
        before the field existed stay valid.
        """
        return self.model_dump(mode="json", exclude={"name", *(ADDED - self._changed())})

    def _changed(self) -> set[str]:
        """Return the names of the fields that differ from their defaults."""
        fields = type(self).model_fields
        return {
            name
            for name, field in fields.items()
            if getattr(self, name) != field.get_default(call_default_factory=True)
        }

    @model_validator(mode="after")
    def _check_that_fields_have_an_effect(self) -> Self:
        for name in sorted(self._changed() & set(_USED_BY)):
            by, values = _USED_BY[name]
            if getattr(self, by) not in values:
                raise ValueError(
                    f"{name} has an effect only with {by}: {' or '.join(values)}; found "
                    f"{by}: {getattr(self, by)}"
                )
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0; set nesterov: false")
        if self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"warmup_epochs must be below epochs, found {self.warmup_epochs} of {self.epochs}"
            )
        return self

    @property
    def monitor_mode(self) -> Literal["min", "max"]:
        """Whether a smaller or a larger ``monitor`` is better."""
        return "min" if self.monitor == "valid_loss" else "max"

    @property
    def trainer_precision(self) -> Literal["32-true", "bf16-mixed"]:
        """The value of Lightning's ``Trainer(precision=...)``."""
        return "bf16-mixed" if self.precision == "bf16" else "32-true"
