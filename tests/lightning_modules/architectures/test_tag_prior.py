"""The prior model predicts the tag frequencies of the training split."""

from __future__ import annotations

import pytest
import torch

from datamodules.common.errors import TagbenchError
from lightning_modules.architectures.tag_prior import TagPrior
from tests.support.small_module import SmallModule


def test_tag_prior_predicts_training_frequencies():
    model = TagPrior.build(0, n_tags=4)
    model.fit_priors(torch.tensor([5, 0, 20, 1]), 20)
    rows = model.probabilities(model(torch.zeros(3, 100)))
    expected = torch.tensor([0.25, 0.025, 0.975, 0.05]).expand(3, -1)  # half a track off 0 and 1
    torch.testing.assert_close(rows, expected)


def test_tag_prior_of_classes_sums_to_one():
    model = TagPrior.build(0, n_tags=3, task="singlelabel")
    model.fit_priors(torch.tensor([5, 2, 13]), 20)
    rows = model.probabilities(model(torch.zeros(1, 100)))
    torch.testing.assert_close(rows, torch.tensor([[0.25, 0.10, 0.65]]))


def test_other_models_have_no_closed_form():
    with pytest.raises(TagbenchError, match="SmallModule has no closed form"):
        SmallModule.build(0, n_tags=2).fit_priors(torch.tensor([1, 2]), 3)
