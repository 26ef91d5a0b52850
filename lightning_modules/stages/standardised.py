"""Training on labels of a network that standardises its input."""

from __future__ import annotations

from typing import ClassVar

from datamodules.common.errors import TagbenchError
from lightning_modules.base import TaggingModule
from lightning_modules.layers.heads.moods import MoodLayers
from lightning_modules.stages.frame_supervised import moments
from lightning_modules.stages.supervised import Supervised
from lightning_modules.stages.training_data import TrainingData


class Standardised(Supervised):
    """`Supervised`, with the moments of the rows of the training split as part of the model.

    Args:
        augment: None; a view is computed once for each track.
        steps: See `Supervised`.
        parents: None are needed.
    """

    identity: ClassVar[str] = "Standardised"
    title: ClassVar[str] = "supervised on standardised vectors"

    def prepare(self, model: TaggingModule, data: TrainingData) -> None:
        """Set the mean and the standard deviation of the input.

        Raises:
            TagbenchError: The model does not standardise its input.
        """
        if not isinstance(model, MoodLayers):
            raise TagbenchError(
                "The stage Standardised trains class lightning_modules.architectures.mood_mlp."
                f"MoodMlp, got {type(model).__name__}."
            )
        model.set_moments(*moments(data.labelled.stored_view("train")))
