"""MATT: multi-instance learning with attention to the instances of a bag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Unpack

from torch import Tensor
from torch.nn import functional as F

from lightning_modules.architectures.bag_classifier import BagClassifier, BagOptions
from lightning_modules.layers.bags.instance_attention import InstanceAttention, Score


class MATT(BagClassifier):
    """Attention with a query of each class over the instances of a bag; see `InstanceAttention`.

    In training, the query is that of the label of the bag. In inference, the score of class ``g``
    is the probability of ``g`` when the bag is attended with the query of ``g``. These scores are
    stored as they are, and need not add up to 1. In multi-label tasks, each tag attends with its
    own query in training too.

    Args:
        score: ``dot``, the attention of the code of the source, or ``concat``, that of its
            equations.
        learned_queries: False for the behaviour of the code of the source, two random tables; see
            `InstanceAttention`.
        groups: Group of each class, for the hierarchical variant; None for none.
        dropout: Share of the values of a bag vector that are set to zero in training.
        **base: See `BagClassifier`.
    """

    identity: ClassVar[str] = "MATT"
    title: ClassVar[str] = "MATT"
    paper: ClassVar[str] = "github.com/JohannesLiu/Music-Genre-Classification, rows +MATT"

    def __init__(
        self,
        *,
        score: Score = "dot",
        learned_queries: bool = True,
        groups: Sequence[int] | None = None,
        dropout: float = 0.5,
        **base: Unpack[BagOptions],
    ) -> None:
        super().__init__(**base)
        self.attention = InstanceAttention(
            self.size,
            self.n_tags,
            score=score,
            groups=groups,
            learned_queries=learned_queries,
            dropout=dropout,
        )

    def classify(self, instances: Tensor) -> Tensor:
        """Map instances (B, H) to logits (B, C)."""
        return self.attention.single_logits(instances)

    def instance_losses(
        self, instances: Tensor, bag: Tensor, n_bags: int, targets: Tensor
    ) -> Tensor:
        """Return the loss (M,) of bags that are attended with their labels."""
        if self.task == "multilabel":
            logits = self.attention.binary_logits(instances, bag, n_bags)
            return self.losses(logits, targets)
        labels = targets.argmax(1)
        if self.training:
            logits = self.attention.label_logits(instances, bag, n_bags, labels)
            return F.cross_entropy(logits, labels, reduction="none")
        # The same, but with the queries of inference.
        scores = self.attention.probabilities(instances, bag, n_bags)
        return -scores.gather(1, labels[:, None])[:, 0].clamp_min(1e-12).log()

    def bag_probabilities(self, instances: Tensor, bag: Tensor, n_bags: int) -> Tensor:
        """Return the scores (M, C) of bags, see the class."""
        if self.task == "multilabel":
            return self.attention.binary_logits(instances, bag, n_bags).sigmoid()
        return self.attention.probabilities(instances, bag, n_bags)
