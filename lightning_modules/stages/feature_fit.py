"""Fitting a classifier to the features of whole tracks."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from lightning_modules.stages.base import Stage, StageContext


class FeatureFit(Stage):
    """Fit a model to the view of all training tracks, by `TaggingModule.fit_features`.

    A track with several rows is described by their mean.

    Args:
        parents: None are needed.
    """

    identity: ClassVar[str] = "FeatureFit"
    title: ClassVar[str] = "fit to features"

    def run(self, context: StageContext) -> None:
        """Fit the model and save it."""
        data = context.data.labelled
        targets = data.corpus.targets("train").astype(np.float32)
        context.model.fit_features(data.track_features("train"), targets)
        context.save()
