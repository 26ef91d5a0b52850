"""Multi-instance learning with the mean of the instances of a bag."""

from __future__ import annotations

from typing import ClassVar, Unpack

from torch import Tensor, nn

from lightning_modules.architectures.bag_classifier import BagClassifier, BagOptions
from lightning_modules.layers.bags.instance_attention import bag_means


class MIL(BagClassifier):
    """The mean of the instances of a bag, and a linear classifier: the baseline of MATT.

    Args:
        dropout: Share of the values of a mean that are set to zero in training.
        **base: See `BagClassifier`.
    """

    identity: ClassVar[str] = "MIL"
    title: ClassVar[str] = "MIL"
    paper: ClassVar[str] = "github.com/JohannesLiu/Music-Genre-Classification, rows +MIL"

    def __init__(self, *, dropout: float = 0.0, **base: Unpack[BagOptions]) -> None:
        super().__init__(**base)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(self.size, self.n_tags)

    def classify(self, instances: Tensor) -> Tensor:
        """Map instances (B, H) to logits (B, C)."""
        logits: Tensor = self.output(self.dropout(instances))
        return logits

    def instance_losses(
        self, instances: Tensor, bag: Tensor, n_bags: int, targets: Tensor
    ) -> Tensor:
        """Return the loss (M,) of the mean of each bag."""
        return self.losses(self.classify(bag_means(instances, bag, n_bags)), targets)

    def bag_probabilities(self, instances: Tensor, bag: Tensor, n_bags: int) -> Tensor:
        """Return the probabilities (M, C) of the mean of each bag."""
        return self.probabilities(self.classify(bag_means(instances, bag, n_bags)))
