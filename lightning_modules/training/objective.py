"""What a model needs of the stage that trains it; see `lightning_modules.stages.base`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn


class Objective(Protocol):
    """Loss and parameters of a training."""

    def begin_step(self, model: Any) -> None:
        """Change the model for the step that follows, as its epoch requires."""

    def loss(self, model: Any, batches: Any) -> Mapping[str, Tensor]:
        """Return ``loss``, which is minimised, and other terms to log."""

    def learned_parameters(self, model: Any) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield name and value of each parameter that the optimizer changes."""

    def move_parents(self, device: torch.device) -> None:
        """Move models that are not trained to the device of the model."""
