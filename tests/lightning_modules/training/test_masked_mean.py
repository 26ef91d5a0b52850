"""The mean of selected values, also of a batch that two processes share."""

from __future__ import annotations

import pytest
import torch

from lightning_modules.training import masked_mean as module
from lightning_modules.training.masked_mean import masked_mean


def test_the_average_of_two_processes_is_the_mean_of_the_whole(monkeypatch):
    values = torch.arange(8.0).view(4, 2)
    kept = torch.tensor([[1, 1], [0, 1], [1, 0], [0, 0]]).bool()
    whole = masked_mean(values, kept)
    assert float(whole) == pytest.approx((0 + 1 + 3 + 4) / 4)
    assert float(masked_mean(values, torch.zeros_like(kept))) == 0

    def all_reduce(count: torch.Tensor) -> None:
        count.copy_(kept.sum())

    monkeypatch.setattr(module, "is_initialized", lambda: True)
    monkeypatch.setattr(module, "get_world_size", lambda: 2)
    monkeypatch.setattr(module, "all_reduce", all_reduce)
    shares = [masked_mean(values[rank::2], kept[rank::2]) for rank in (0, 1)]
    assert float(sum(shares) / 2) == pytest.approx(float(whole))
