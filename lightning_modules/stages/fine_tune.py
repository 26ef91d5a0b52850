"""Training on labels that starts from the weights of another training."""

from __future__ import annotations

from typing import ClassVar

from datamodules.common.errors import TagbenchError
from lightning_modules.base import TaggingModule
from lightning_modules.stages.base import TrainingData
from lightning_modules.stages.supervised import Supervised


class FineTune(Supervised):
    """Start from the weights of a parent of the same architecture, and train all of them.

    Args:
        augment: Augmentation of the windows; None leaves them as they are.
        parents: ``pretrained``.
    """

    identity: ClassVar[str] = "FineTune"
    title: ClassVar[str] = "fine-tuning"
    parent_names: ClassVar[tuple[str, ...]] = ("pretrained",)

    def prepare(self, model: TaggingModule, data: TrainingData) -> None:
        """Copy the weights of the parent.

        Raises:
            TagbenchError: The parent has another architecture.
        """
        parent = self.parents["pretrained"]
        try:
            model.load_state_dict(parent.state_dict())
        except RuntimeError as error:
            raise TagbenchError(
                f"The stage FineTune cannot start {type(model).__name__} from the weights of "
                f"{type(parent).__name__}: expected a parent of the same class with the same "
                f"params. {error}"
            ) from error
