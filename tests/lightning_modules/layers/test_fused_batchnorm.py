"""Batch norm of a batch with a single value per channel."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from lightning_modules.layers.fused_batchnorm import BatchNorm1d


@pytest.mark.parametrize("kind", ["head", "map"])
def test_batch_norm_takes_a_single_value(kind):
    norm = BatchNorm1d(3).train()
    norm.running_mean += 2
    x = torch.tensor([[1.0, 2.0, 3.0]])
    x = x if kind == "head" else x[:, :, None]
    before = copy.deepcopy(norm.state_dict())
    torch.testing.assert_close(norm(x).flatten(), torch.tensor([-1.0, 0.0, 1.0]), atol=1e-4, rtol=0)
    assert all(torch.equal(v, before[k]) for k, v in norm.state_dict().items())
    two = torch.tensor([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]])
    plain = nn.BatchNorm1d(3).train()
    torch.testing.assert_close(norm(two), plain(two))
