"""Random weights, as a control for probes of trained encoders."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from datamodules.base import Batch
from lightning_modules.base import TaggingModule
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
        if self.fit_norms:
            fit_norms(context.model, context.data.crops())
        context.save()


def fit_norms(model: TaggingModule, batches: Iterable[Batch]) -> None:
    """Set the running statistics of batch norms to their averages over batches of audio.

    All other layers are in evaluation mode, so that nothing is random.
    """
    model.eval()
    norms = [layer for layer in model.modules() if isinstance(layer, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative average
        norm.train()
    with torch.no_grad():
        for batch in batches:
            model(batch["audio"])
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()
