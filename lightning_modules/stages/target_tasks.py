"""Common part of the stages that learn targets beyond tags: heads, branches and balance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from datamodules.base import Batch
from datamodules.common.errors import TagbenchError
from lightning_modules.base import TaggingModule
from lightning_modules.stages.base import GradientStage, Parents
from lightning_modules.stages.training_data import TrainingData
from lightning_modules.training.gradnorm import GradNorm
from lightning_modules.training.target_loss import target_loss


@runtime_checkable
class BranchedModel(Protocol):
    """A model with layers that all tasks share, and branches, each of which may learn a task."""

    branches: nn.ModuleList

    @property
    def shared_weight(self) -> Tensor:
        """Weight of the last layer that all branches share."""

    def shared_map(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to the input of the branches."""

    def new_branch(self) -> nn.Module:
        """Build one more branch, which maps the shared map to embeddings (B, D)."""

    @property
    def branch_size(self) -> int:
        """Size of the embedding of a branch, D."""


class TargetTasks(GradientStage):
    """Base of stages with a loss for each of several targets beyond tags.

    Args:
        targets: Names of target sources, files in ``experiments/targets/``.
        augment: Augmentation of the windows; None leaves them as they are.
        gradnorm: Strength ``alpha`` of GradNorm, which weights the tasks of a model with branches;
            None weights them equally.
        parents: None are needed.

    Raises:
        TagbenchError: There is no target, or one twice.
    """

    augmentations: ClassVar[tuple[str, ...]] = ("augment",)
    targets: ClassVar[tuple[str, ...]] = ("targets",)

    def __init__(
        self,
        *,
        targets: tuple[str, ...],
        augment: str | None = None,
        gradnorm: float | None = None,
        parents: Parents,
    ) -> None:
        super().__init__(parents=parents)
        if not targets or len(set(targets)) < len(targets):
            found = ", ".join(targets) or "none"
            raise TagbenchError(
                f"Stage {type(self).__name__}: targets: expected one or more different names of "
                f"`tagbench list targets`, found {found}."
            )
        self.names = targets
        self.alpha = gradnorm

    def build_heads(self, data: TrainingData, sizes: Sequence[int], further_tasks: int) -> None:
        """Build an output layer for each target, and the weights of GradNorm.

        Args:
            data: Data of the training.
            sizes: Size of the embedding that each target is computed from.
            further_tasks: Tasks beside the targets.
        """
        sources = [data.targets[name] for name in self.names]
        self.kinds = [source.kind for source in sources]
        self.heads = nn.ModuleList(
            nn.Linear(size, source.width) for size, source in zip(sizes, sources, strict=True)
        )
        tasks = len(sources) + further_tasks
        self.gradnorm = None if self.alpha is None else GradNorm(tasks, self.alpha)

    def loaders(self, data: TrainingData) -> Mapping[str, DataLoader[Batch]]:
        """Return batches of labelled windows with the targets of their tracks."""
        return {"labelled": data.crops(augment="augment", auxiliary=True)}

    def begin_step(self, model: TaggingModule) -> None:
        """Rescale the weights of the tasks."""
        if self.gradnorm is not None:
            self.gradnorm.rescale()

    def target_losses(self, embeddings: Sequence[Tensor], batch: Batch) -> dict[str, Tensor]:
        """Return the loss of each target by its name.

        Args:
            embeddings: Embedding (W, D) that each target is computed from.
            batch: Batch of W windows.
        """
        losses = {}
        heads = zip(self.names, self.heads, self.kinds, embeddings, strict=True)
        for name, head, kind, embedding in heads:
            targets = batch["auxiliary"][name][batch["track_index"]]
            losses[name] = target_loss(head(embedding), targets, kind)
        return losses

    def total(self, model: TaggingModule, losses: Sequence[Tensor]) -> Tensor:
        """Return the loss to minimise from the losses of all tasks.

        Raises:
            TagbenchError: GradNorm is to balance the tasks of a model without branches.
        """
        stacked = torch.stack(list(losses))
        if self.gradnorm is None:
            return stacked.sum()
        if not isinstance(model, BranchedModel):
            raise TagbenchError(
                f"Stage {type(self).__name__}: gradnorm needs a model with branches, such as "
                "lightning_modules.architectures.artist_group_network.ArtistGroupNetwork, got "
                f"{type(model).__name__}. Leave gradnorm out."
            )
        weighted: Tensor = self.gradnorm(stacked, model.shared_weight)
        return weighted
