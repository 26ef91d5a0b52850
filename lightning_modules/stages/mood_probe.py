"""Training of the mood network on the embeddings of a frozen encoder."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from datamodules.base import TaggingDataModule
from datamodules.common.errors import TagbenchError
from datamodules.loaders.batch import WindowSpec
from datamodules.views.base import View
from datamodules.views.build import build_view
from datamodules.views.joined import Joined
from lightning_modules.base import TaggingModule
from lightning_modules.layers.heads.moods import MoodHead
from lightning_modules.stages.frame_supervised import moments
from lightning_modules.stages.linear_probe import LinearProbe
from lightning_modules.stages.training_data import TrainingData


class MoodProbing(LinearProbe):
    """Train the `MoodHead` of a model on vectors that it standardises.

    The embeddings are those of `LinearProbe`, and kept for all probes of the encoder. The values of
    further views, such as listening vectors, follow them.

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

    def input_of(self, module: TaggingDataModule) -> WindowSpec:
        """Return what the encoder sees, without the further views of the model."""
        encoder = self.parents["encoder"]
        return WindowSpec(encoder.input_samples, encoder.sample_rate, encoder.view)

    def prepare(self, model: TaggingModule, data: TrainingData) -> None:
        """Copy the weights of the parent, append further views, and set the training moments."""
        super().prepare(model, data)
        probe: Any = model
        if isinstance(model.view, Joined) and probe.n_further:
            self._append(model.view.vector, data.labelled)
        probe.head.set_moments(*moments(probe.chosen(self.arrays["train"])))

    def _append(self, vector: View, module: TaggingDataModule) -> None:
        """Let the vector of its track follow each embedding."""
        corpus = module.corpus
        of_train, of_valid = (
            np.concatenate(list(build_view(corpus, vector, corpus.rows(split))))
            for split in ("train", "valid")
        )
        train, valid = self.arrays["train"], self.arrays["valid"]
        each = np.repeat(of_train[:, None], train.shape[1], axis=1)  # one for each crop
        self.arrays = {
            **self.arrays,
            "train": np.concatenate([train, each], axis=2),
            "valid": np.concatenate([valid, of_valid[self.arrays["valid_track"]]], axis=1),
        }
