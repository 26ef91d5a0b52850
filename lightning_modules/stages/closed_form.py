"""Fitting without gradients."""

from __future__ import annotations

from typing import ClassVar

import torch

from lightning_modules.stages.base import Stage, StageContext


class ClosedForm(Stage):
    """Fit a model to the tag counts of the training split, by `TaggingModule.fit_priors`.

    Args:
        parents: None are needed.
    """

    identity: ClassVar[str] = "ClosedForm"
    title: ClassVar[str] = "closed form"

    def run(self, context: StageContext) -> None:
        """Fit the model and save it."""
        corpus = context.data.labelled.corpus
        counts = torch.as_tensor(corpus.targets("train").sum(axis=0), dtype=torch.float32)
        context.model.fit_priors(counts, len(corpus.rows("train")))
        context.save()
