"""Pooling of the instances of a bag: their mean, or attention with a query of each class (MATT).

Shapes: W instances, N bags, H values of an instance, C classes, D values of a bag.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from datamodules.common.errors import TagbenchError, unknown_name

Score = Literal["concat", "dot"]
SCORES: tuple[Score, ...] = ("concat", "dot")

_INFERENCE, _TRAINING = 0, 1  # the tables of the notebook


def bag_sums(values: Tensor, bag: Tensor, n_bags: int) -> Tensor:
    """Sum the values (W, ...) of the instances of each bag, as (N, ...).

    Args:
        values: One row for each instance.
        bag: Bag of each instance, int64 (W,).
        n_bags: Number of bags, N.
    """
    # A matrix product in float64 gives the same sum on every device and in every run, which
    # index_add does not.
    member = F.one_hot(bag, n_bags).T.double()  # (N, W)
    sums = member @ values.flatten(1).double()
    return sums.to(values.dtype).view(n_bags, *values.shape[1:])


def bag_means(instances: Tensor, bag: Tensor, n_bags: int) -> Tensor:
    """Return the mean (N, H) of the instances (W, H) of each bag; see `bag_sums`."""
    counts = bag_sums(torch.ones_like(instances[:, :1]), bag, n_bags)
    return bag_sums(instances, bag, n_bags) / counts


def bag_softmax(scores: Tensor, bag: Tensor, n_bags: int) -> Tensor:
    """Return the softmax of scores (W, Q) over the instances of each bag, as (W, Q)."""
    top = torch.full((n_bags, scores.shape[1]), -torch.inf, dtype=scores.dtype, device=bag.device)
    top.scatter_reduce_(0, bag[:, None].expand_as(scores), scores.detach(), "amax")
    exponentials = (scores - top[bag]).exp()
    return exponentials / bag_sums(exponentials, bag, n_bags)[bag]


class _Queries(nn.Module):
    """A query for each class, learned; or two random tables that are not, see `InstanceAttention`.

    Args:
        n_queries: Number of queries.
        size: Values of an instance, H.
        learned: Whether they are learned.
    """

    tables: Tensor

    def __init__(self, n_queries: int, size: int, learned: bool) -> None:
        super().__init__()
        self.learned = learned
        if learned:
            self.weight = nn.Parameter(torch.empty(n_queries, size))
            nn.init.xavier_uniform_(self.weight)
            return
        tables = torch.empty(2, n_queries, size)
        for table in tables:
            nn.init.xavier_uniform_(table)
        self.register_buffer("tables", tables)

    def table(self, *, training: bool) -> Tensor:
        """Return the queries (Q, H) of a training step or of a prediction."""
        if self.learned:
            return self.weight
        return self.tables[_TRAINING if training else _INFERENCE]


class InstanceAttention(nn.Module):
    """Attention over the instances of a bag with one query for each class, and a linear classifier.

    Selective attention of relation extraction (Lin et al. 2016), as the source of MATT applies it
    to the clips of an artist. In training a bag is attended with the query of its label. In
    inference it is attended with the query of every class ``g``, and the score of ``g`` is entry
    ``g`` of the softmax over the logits of the bag vector that its own query gives: the diagonal of
    a (C, C) matrix. These scores are no distribution, and need not add up to 1.

    A multi-label bag has no single label. Its logit for ``g`` is entry ``g`` of the logits of the
    bag vector of query ``g``, in training as in inference.

    Args:
        size: Values of an instance, H.
        n_classes: Number of classes, C.
        score: ``concat``: ``tanh(W [s; q]) + b`` with the bag vector ``sum a s``, the equations of
            the source. ``dot``: ``<q, s>`` with the bag vector ``tanh(sum a s)``, its code.
        groups: Group of each class, from 0; classes of a group share a second query, whose bag
            vector is concatenated with the first (the hierarchical variant, HMATT). None for none.
        learned_queries: False gives the behaviour of the code of the source: two unrelated random
            tables that are never trained, of which training uses one and inference the other. They
            are saved with the model here, and not there.
        dropout: Share of the values of a bag vector that are set to zero in training.

    Raises:
        TagbenchError: The score is unknown, ``groups`` does not fit, or it is combined with
            ``learned_queries=False``.
    """

    def __init__(
        self,
        size: int,
        n_classes: int,
        *,
        score: Score = "dot",
        groups: Sequence[int] | None = None,
        learned_queries: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if score not in SCORES:
            raise unknown_name("score", score, SCORES, "InstanceAttention")
        levels = [list(range(n_classes))]
        if groups is not None:
            _check_groups(groups, n_classes, learned_queries)
            levels.insert(0, list(groups))
        self.score = score
        self.register_buffer("levels", torch.tensor(levels), persistent=False)  # (L, C)
        self.queries = nn.ModuleList(
            _Queries(max(level) + 1, size, learned_queries) for level in levels
        )
        if score == "concat":
            self.score_weight = nn.Parameter(torch.empty(1, 2 * size))
            self.score_bias = nn.Parameter(torch.zeros(1))
            nn.init.xavier_uniform_(self.score_weight)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(len(levels) * size, n_classes)
        nn.init.xavier_uniform_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)

    levels: Tensor

    def scores(self, instances: Tensor, queries: Tensor) -> Tensor:
        """Return the score (W, Q) of each instance (W, H) for each query (Q, H)."""
        if self.score == "dot":
            return instances @ queries.T
        for_instance, for_query = self.score_weight.view(2, -1)
        sums = (instances @ for_instance)[:, None] + queries @ for_query
        return torch.tanh(sums) + self.score_bias

    def weights(self, instances: Tensor, bag: Tensor, n_bags: int) -> Tensor:
        """Return the weight (W, C) of each instance when its bag is attended with each class.

        The weights are those of the queries of single classes, also with ``groups``.
        """
        table = self._tables(training=self.training)[-1]
        return bag_softmax(self.scores(instances, table), bag, n_bags)

    def bag_vectors(
        self, instances: Tensor, bag: Tensor, n_bags: int, labels: Tensor | None = None
    ) -> Tensor:
        """Return the bag vectors before dropout.

        Args:
            instances: (W, H).
            bag: Bag of each instance, int64 (W,).
            n_bags: Number of bags, N; each has an instance.
            labels: Class with whose query each bag is attended, int64 (N,); None for each class.

        Returns:
            (N, 1, D) for ``labels``, else (N, C, D); D is H, or 2 H with ``groups``.
        """
        vectors = []
        tables = self._tables(training=labels is not None or self.training)
        for table, level in zip(tables, self.levels, strict=True):
            scores = self.scores(instances, table)
            if labels is not None:
                scores = scores.gather(1, level[labels][bag][:, None])  # (W, 1)
            weights = bag_softmax(scores, bag, n_bags)
            sums = bag_sums(weights[:, :, None] * instances[:, None], bag, n_bags)  # (N, Q, H)
            vectors.append(sums if labels is not None else sums[:, level])
        together = torch.cat(vectors, 2)
        return torch.tanh(together) if self.score == "dot" else together

    def _tables(self, *, training: bool) -> list[Tensor]:
        """Return the queries (Q, H) of each level."""
        return [cast(_Queries, queries).table(training=training) for queries in self.queries]

    def single_logits(self, instances: Tensor) -> Tensor:
        """Return the logits (W, C) of bags of one instance each, whose weight is always 1."""
        together = instances.repeat(1, len(self.levels))
        vectors = torch.tanh(together) if self.score == "dot" else together
        logits: Tensor = self.classifier(self.dropout(vectors))
        return logits

    def label_logits(self, instances: Tensor, bag: Tensor, n_bags: int, labels: Tensor) -> Tensor:
        """Return the logits (N, C) of bags that are attended with the query of their label (N,)."""
        vectors = self.bag_vectors(instances, bag, n_bags, labels)[:, 0]
        logits: Tensor = self.classifier(self.dropout(vectors))
        return logits

    def class_logits(self, instances: Tensor, bag: Tensor, n_bags: int) -> Tensor:
        """Return the logits (N, C, C) of bags; row ``g`` is attended with the query of ``g``."""
        logits: Tensor = self.classifier(self.dropout(self.bag_vectors(instances, bag, n_bags)))
        return logits

    def probabilities(self, instances: Tensor, bag: Tensor, n_bags: int) -> Tensor:
        """Return the scores (N, C) of the classes of single-label bags, see above."""
        rows = self.class_logits(instances, bag, n_bags).softmax(-1)
        return rows.diagonal(dim1=1, dim2=2)

    def binary_logits(self, instances: Tensor, bag: Tensor, n_bags: int) -> Tensor:
        """Return the logits (N, C) of the classes of multi-label bags, see above."""
        vectors = self.dropout(self.bag_vectors(instances, bag, n_bags))  # (N, C, D)
        return (vectors * self.classifier.weight).sum(2) + self.classifier.bias


def _check_groups(groups: Sequence[int], n_classes: int, learned_queries: bool) -> None:
    if len(groups) != n_classes or set(groups) != set(range(max(groups, default=-1) + 1)):
        raise TagbenchError(
            f"InstanceAttention: groups: expected the group of each of {n_classes} classes, "
            f"numbered from 0 without gaps, got {list(groups)}."
        )
    if not learned_queries:
        raise TagbenchError(
            "InstanceAttention: groups need learned queries. Leave out learned_queries."
        )
