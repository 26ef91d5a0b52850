"""Training on labels that starts from the weights of another training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from datamodules.common.errors import TagbenchError
from datamodules.common.parameters import check_minimum
from lightning_modules.base import TaggingModule
from lightning_modules.stages.base import Parents
from lightning_modules.stages.supervised import Supervised
from lightning_modules.stages.training_data import TrainingData
from lightning_modules.training.optimizers import start_momentum


class FineTune(Supervised):
    """Start from the weights of a parent of the same architecture, and train all of them.

    Args:
        augment: Augmentation of the windows; None leaves them as they are.
        steps: See `Supervised`.
        freeze_encoder_epochs: Epochs at the beginning in which only the layer that computes the
            logits is trained. All other weights and the statistics of batch norms stay as they are.
        parents: ``pretrained``.
    """

    identity: ClassVar[str] = "FineTune"
    title: ClassVar[str] = "fine-tuning"
    parent_names: ClassVar[tuple[str, ...]] = ("pretrained",)
    same_outputs: ClassVar[tuple[str, ...]] = ("pretrained",)
    added: ClassVar[frozenset[str]] = frozenset({"freeze_encoder_epochs"})

    def __init__(
        self,
        *,
        augment: str | None = None,
        steps: int | None = None,
        freeze_encoder_epochs: int = 0,
        parents: Parents,
    ) -> None:
        super().__init__(augment=augment, steps=steps, parents=parents)
        check_minimum(0, freeze_encoder_epochs=freeze_encoder_epochs)
        self.freeze_encoder_epochs = freeze_encoder_epochs
        self._encoder: frozenset[str] = frozenset()  # names of the parameters that are frozen
        self._is_frozen = False

    def prepare(self, model: TaggingModule, data: TrainingData) -> None:
        """Copy the weights of the parent.

        Raises:
            TagbenchError: The parent has another architecture, or the model has no output layer
                beside which an encoder could be frozen.
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
        if self.freeze_encoder_epochs:
            head = set(model.classifier.parameters())
            learned = self.learned_parameters(model)
            self._encoder = frozenset(name for name, value in learned if value not in head)

    def learned_parameters(self, model: TaggingModule) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield name and value of each parameter, also of those that are frozen at the moment."""
        return (
            (name, value)
            for name, value in model.named_parameters()
            if value.requires_grad or name in self._encoder
        )

    def begin_step(self, model: TaggingModule) -> None:
        """Freeze the encoder, or train it from the epoch ``freeze_encoder_epochs`` on.

        An optimizer skips a parameter without a gradient: it has no moments and no weight decay.
        """
        frozen = model.current_epoch < self.freeze_encoder_epochs
        if frozen:
            # In each step, because Lightning may set the mode of all layers between epochs.
            for layer in model.modules():
                if isinstance(layer, _BatchNorm):
                    layer.eval()
        if frozen == self._is_frozen:
            return
        self._is_frozen = frozen
        for name, value in model.named_parameters():
            if name in self._encoder:
                value.requires_grad_(not frozen)
        if not frozen:
            model.train()
            for optimizer in model.trainer.optimizers:
                start_momentum(optimizer)
