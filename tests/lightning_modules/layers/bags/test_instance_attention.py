"""Attention over the instances of a bag: the numbers of the reference code and of its equations."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from datamodules.common.errors import TagbenchError
from lightning_modules.layers.bags.instance_attention import InstanceAttention, Score, bag_means
from tests.support.paths import DATA

GOLDEN = json.loads((DATA / "matt_attention.json").read_text(encoding="utf-8"))
TOLERANCE = {"rtol": 0, "atol": 1e-8}  # the numbers have nine digits
INSTANCES = torch.tensor(GOLDEN["instances"], dtype=torch.float64)
BAG, LABELS = torch.tensor(GOLDEN["bag"]), torch.tensor(GOLDEN["labels"])
BAGS = (INSTANCES, BAG, len(LABELS))


def attention(score: Score) -> InstanceAttention:
    layer = InstanceAttention(4, 3, score=score).double().eval()
    state = {"queries.0.weight": "queries", "classifier.weight": "M", "classifier.bias": "b"}
    if score == "concat":
        state |= {"score_weight": "W_s", "score_bias": "b_s"}
    values = layer.state_dict()
    for key, name in state.items():
        values[key] = torch.tensor(GOLDEN[name], dtype=torch.float64).view(values[key].shape)
    layer.load_state_dict(values)
    return layer


def of(score: Score, name: str) -> list[Tensor]:
    return [torch.tensor(bag[name], dtype=torch.float64) for bag in GOLDEN["variants"][score]]


@pytest.mark.parametrize("score", ["dot", "concat"])
@torch.no_grad()
def test_attention_equals_the_reference(score: Score) -> None:
    layer = attention(score)
    queries = layer.queries[0].weight
    scores = layer.scores(INSTANCES, queries).gather(1, LABELS[BAG][:, None])[:, 0]
    torch.testing.assert_close(scores, torch.cat(of(score, "scores")), **TOLERANCE)
    weights = layer.weights(*BAGS)
    torch.testing.assert_close(
        weights, torch.cat([rows.T for rows in of(score, "class_weights")]), **TOLERANCE
    )
    vectors = layer.bag_vectors(*BAGS, LABELS)[:, 0]
    torch.testing.assert_close(vectors, torch.stack(of(score, "vector")), **TOLERANCE)
    logits = layer.label_logits(*BAGS, LABELS)
    torch.testing.assert_close(logits, torch.stack(of(score, "logits")), **TOLERANCE)
    losses = F.cross_entropy(logits, LABELS, reduction="none")
    torch.testing.assert_close(losses, torch.stack(of(score, "cross_entropy")), **TOLERANCE)
    rows = layer.class_logits(*BAGS).softmax(-1)
    torch.testing.assert_close(rows, torch.stack(of(score, "class_softmax")), **TOLERANCE)
    diagonal = layer.probabilities(*BAGS)
    torch.testing.assert_close(diagonal, torch.stack(of(score, "diagonal")), **TOLERANCE)


def test_heads_have_the_sizes_of_the_source() -> None:
    layer = InstanceAttention(140, 16)
    sizes = {name: value.numel() for name, value in layer.named_parameters()}
    assert sizes["queries.0.weight"] == 2240
    assert sizes["classifier.weight"] + sizes["classifier.bias"] == 2256


def test_bags_do_not_depend_on_the_other_bags_of_a_batch() -> None:
    layer = attention("dot")
    alone = [layer.probabilities(INSTANCES[b == BAG], BAG[b == BAG] * 0, 1) for b in (0, 1)]
    torch.testing.assert_close(layer.probabilities(*BAGS), torch.cat(alone))
    torch.testing.assert_close(bag_means(*BAGS)[1], INSTANCES[3:].mean(0))


def test_queries_of_the_notebook_are_two_tables_that_are_never_learned() -> None:
    torch.manual_seed(0)
    layer = InstanceAttention(4, 3, learned_queries=False).double()
    names = {name for name, _ in layer.named_parameters()}
    assert names == {"classifier.weight", "classifier.bias"}
    trained = layer.bag_vectors(*BAGS, LABELS)[:, 0]
    inferred = layer.eval().bag_vectors(*BAGS)[torch.arange(2), LABELS]
    assert (trained - inferred).abs().max() > 1e-3
    assert "queries.0.tables" in layer.state_dict()


def test_groups_add_a_query_that_their_classes_share() -> None:
    layer = InstanceAttention(4, 3, groups=[0, 1, 0]).double()
    vectors = layer.bag_vectors(*BAGS)  # (N, C, 2 H)
    torch.testing.assert_close(vectors[:, 0, :4], vectors[:, 2, :4])
    assert (vectors[:, 0, 4:] - vectors[:, 2, 4:]).abs().max() > 1e-3
    torch.testing.assert_close(layer.bag_vectors(*BAGS, LABELS)[:, 0], vectors[[0, 1], LABELS])
    with pytest.raises(TagbenchError, match="numbered from 0 without gaps"):
        InstanceAttention(4, 3, groups=[0, 2, 0])


def test_multi_label_logits_are_the_diagonal() -> None:
    layer = attention("concat")
    rows = layer.class_logits(*BAGS)
    torch.testing.assert_close(layer.binary_logits(*BAGS), rows.diagonal(dim1=1, dim2=2))
