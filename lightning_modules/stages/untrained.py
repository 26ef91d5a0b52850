"""Random weights, as a control for probes of trained encoders."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch.optim.swa_utils import update_bn

from datamodules.common.seeding import seed_for
from lightning_modules.stages.base import Parents, Stage, StageContext


class Untrained(Stage):
    """Save the initial weights of a model, with fitted statistics of its batch norms.

    Without fitted statistics, activations vanish in a deep network with initial weights, and a
    probe would measure their scale instead of their content.

    Args:
        fit_norms: Whether the running statistics of batch norms are the averages over one pass of
            the training split; otherwise they stay 0 and 1.
        parents: None are needed.
    """

    identity: ClassVar[str] = "Untrained"
    title: ClassVar[str] = "random weights"
    predicts: ClassVar[bool] = False

    def __init__(self, *, fit_norms: bool = True, parents: Parents) -> None:
        super().__init__(parents=parents)
        self.fit_norms = fit_norms

    def run(self, context: StageContext) -> None:
        """Fit the statistics of the batch norms and save the model."""
        model = context.model
        if self.fit_norms:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed_for("untrained", model.seed))  # of dropout
                update_bn((batch["audio"] for batch in context.data.crops()), model)
        context.save()
