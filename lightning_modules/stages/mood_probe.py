"""Training of the mood network on the embeddings of a frozen encoder."""

from __future__ import annotations

from typing import ClassVar

from datamodules.common.errors import TagbenchError
from lightning_modules.base import TaggingModule
from lightning_modules.layers.heads.moods import MoodHead
from lightning_modules.stages.frame_supervised import moments
from lightning_modules.stages.linear_probe import LinearProbe
from lightning_modules.stages.training_data import TrainingData


class MoodProbing(LinearProbe):
    """Train a `MoodHead` on embeddings that it standardises; otherwise like `LinearProbe`.

    Args:
        crops: See `LinearProbe`.
        parents: ``encoder``, of any architecture with embeddings.
    """

    identity: ClassVar[str] = "MoodProbing"
    title: ClassVar[str] = "mood probe"

    def check(self, model: TaggingModule) -> None:
        """Check that the model has a mood head on an encoder.

        Raises:
            TagbenchError: It has not.
        """
        if not isinstance(getattr(model, "head", None), MoodHead):
            raise TagbenchError(
                "The stage MoodProbing trains class lightning_modules.architectures.mood_probe."
                f"MoodProbe, got {type(model).__name__}."
            )

    def prepare(self, model: TaggingModule, data: TrainingData) -> None:
        """Copy the weights of the parent, and set the moments of the training embeddings."""
        super().prepare(model, data)
        head, columns = model.get_submodule("head"), getattr(model, "columns", slice(None))
        if isinstance(head, MoodHead):
            head.set_moments(*moments(self.arrays["train"][..., columns]))
