"""Models of bags: sizes, losses and scores of bags, and learning from the bags of a data module."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from datamodules.base import Batch
from datamodules.common.errors import TagbenchError
from lightning_modules.architectures.bag_classifier import BagClassifier
from lightning_modules.architectures.crnn_genre import GenreCRNN
from lightning_modules.architectures.crnn_tf import CRNNTF
from lightning_modules.architectures.matt import MATT
from lightning_modules.architectures.mil import MIL
from lightning_modules.base import TaggingModule

BAG = torch.tensor([0, 0, 0, 1, 2, 2])
LABELS = torch.tensor([1, 1, 1, 3, 0, 0])


@pytest.mark.parametrize(
    ("model", "params", "size"),
    [
        (CRNNTF, {}, 434_834),
        (CRNNTF, {"scan": "axis"}, 828_050),
        (GenreCRNN, {}, 392_978),
        (MIL, {}, 518 * 16 + 16),
        (MATT, {}, 2 * 518 * 16 + 16),
        (MATT, {"encoder": "crnn", "size": 140}, 392_450 + 33 * 140 + 2240 + 2256),
        (MATT, {"encoder": "crnn", "size": 140, "score": "concat"}, 392_450 + 33 * 140 + 4777),
        (MIL, {"encoder": "mlp"}, 519 * 100 + 101 * 100 + 101 * 16),
    ],
)
def test_number_of_parameters(
    model: type[TaggingModule], params: dict[str, Any], size: int
) -> None:
    built = model.build(0, n_tags=16, task="singlelabel", **params)
    assert built.n_params == size
    if built.view is not None and built.view.name == "log_mel":
        assert built.input_samples == 1360


def batch_of(model: BagClassifier) -> Batch:
    torch.manual_seed(1)
    shape = (model.input_samples, model.view.width)  # type: ignore[union-attr]
    return Batch(
        features=torch.randn(len(BAG), *shape),
        targets=F.one_hot(LABELS, 4).float(),
        track_ids=[str(at) for at in range(len(BAG))],
        track_index=torch.arange(len(BAG)),
        bag=BAG,
    )


@pytest.fixture(
    params=[
        (MIL, {}),
        (MATT, {}),
        (MATT, {"task": "multilabel"}),
        (MATT, {"score": "concat", "encoder": "crnn"}),
        (MIL, {"encoder": "crnn_tf"}),
    ]
)
def model(request: pytest.FixtureRequest) -> BagClassifier:
    cls, params = request.param
    options = {"task": "singlelabel", "sets": "zcr/rmse", "seconds": 2.1, **params}
    built: BagClassifier = cls.build(0, n_tags=4, **options)
    return built


def test_a_track_has_the_scores_of_its_bag_and_a_bag_of_one_those_of_the_track(
    model: BagClassifier,
) -> None:
    model.eval()
    batch = batch_of(model)
    with torch.no_grad():
        losses, scores = model.evaluate_batch(batch)
        outputs = model.window_outputs(batch["features"])
        of_bags = model.aggregate(outputs, BAG, 3)
        alone = model.aggregate(outputs, torch.arange(6), 6)
        torch.testing.assert_close(scores, of_bags[BAG])
        torch.testing.assert_close(alone, model.probabilities(model(batch["features"])))
        torch.testing.assert_close(of_bags[1], alone[3])
        assert not torch.equal(of_bags[0], alone[0])
    assert losses.shape == (6,)
    expected = -scores.gather(1, LABELS[:, None])[:, 0].log()
    if model.task == "singlelabel":
        torch.testing.assert_close(losses, expected)


def test_the_loss_of_training_is_the_mean_over_bags(model: BagClassifier) -> None:
    batch = batch_of(model)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    model.eval()
    losses = model.evaluate_batch(batch)[0]
    model.train()
    for module in model.modules():  # the norms of both passes must be equal
        if "Norm" in type(module).__name__:
            module.eval()
    torch.testing.assert_close(model.bag_loss(batch), losses[torch.tensor([0, 3, 4])].mean())
    model.bag_loss(batch).backward()
    assert all(p.grad is not None for p in model.parameters())


def test_features_are_standardised_by_the_training_tracks() -> None:
    model = MATT.build(0, n_tags=4, task="singlelabel", sets="zcr")
    features = torch.randn(50, 518) * 7 + 3
    model.encoder.set_moments(features)  # type: ignore[operator]
    instances: Tensor = model.instances(features[:, None])
    assert instances.shape == (50, 7)
    torch.testing.assert_close(instances.mean(0), torch.zeros(7), atol=1e-5, rtol=0)
    torch.testing.assert_close(instances.std(0, correction=0), torch.ones(7))


def test_parameters_that_do_not_fit_are_named() -> None:
    with pytest.raises(TagbenchError, match="crnn_tf"):
        MIL.build(0, n_tags=4, encoder="crnn_ft")  # type: ignore[call-arg]
    with pytest.raises(TagbenchError, match=r"seconds: expected 2\.05"):
        CRNNTF.build(0, n_tags=4, seconds=1.0)
