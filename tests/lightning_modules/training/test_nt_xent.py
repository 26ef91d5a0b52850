"""The contrastive loss, against the reference, a plain loop, and a training by two processes."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, distributed, multiprocessing

from lightning_modules.training.gathered import interleaved
from lightning_modules.training.nt_xent import nt_xent
from tests.support.paths import DATA

GOLDEN = json.loads((DATA / "clmr_sample_cnn.json").read_text(encoding="utf-8"))["nt_xent"]


def pairs() -> tuple[Tensor, Tensor]:
    """Return the formula embeddings of the reference outputs: six pairs of 16 values."""
    n = np.arange(1, 97)
    first, second = np.sin(0.37 * n), np.cos(0.11 * n * n)
    return tuple(torch.from_numpy(z.astype(np.float32).reshape(6, 16)) for z in (first, second))


@pytest.mark.parametrize("temperature", GOLDEN["loss"])
def test_loss_is_that_of_the_reference(temperature: str) -> None:
    loss = nt_xent(*pairs(), float(temperature))
    assert float(loss) == pytest.approx(GOLDEN["loss"][temperature], abs=1e-6)


def test_equal_pairs_give_the_loss_of_the_reference() -> None:
    first, _ = pairs()
    loss = nt_xent(first, first, 0.5)
    assert float(loss) == pytest.approx(GOLDEN["equal pairs, 0.5"], abs=1e-6)


def test_loss_is_that_of_a_plain_loop() -> None:
    first, second = (z.double().numpy() for z in pairs())
    z, n, total = np.concatenate([first, second]), len(first), 0.0
    for i in range(2 * n):
        similar = [z[i] @ z[j] / np.linalg.norm(z[i]) / np.linalg.norm(z[j]) for j in range(2 * n)]
        others = sum(math.exp(similar[j] / 0.3) for j in range(2 * n) if j != i)
        total -= math.log(math.exp(similar[(i + n) % (2 * n)] / 0.3) / others)
    assert float(nt_xent(*pairs(), 0.3)) == pytest.approx(total / (2 * n), abs=1e-6)


def _weight() -> Tensor:
    return torch.linspace(-1, 1, 16 * 4).view(16, 4).sin().requires_grad_()


def _process(rank: int, folder: str) -> None:
    """Write loss and gradient of the share ``rank::2`` of the pairs."""
    store = distributed.FileStore(f"{folder}/store", 2)
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=2)
    weight = _weight()
    first, second = (z[rank::2] @ weight for z in pairs())
    loss = nt_xent(first, second, 0.5)
    loss.backward()
    order = interleaved(pairs()[0][rank::2])
    result = {"loss": loss.detach(), "grad": weight.grad, "order": order}
    torch.save(result, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


def test_two_processes_give_loss_and_gradient_of_one(tmp_path: Path) -> None:
    weight = _weight()
    first, second = (z @ weight for z in pairs())
    loss = nt_xent(first, second, 0.5)
    loss.backward()
    multiprocessing.spawn(_process, (str(tmp_path),), nprocs=2)
    shares = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    for share in shares:
        torch.testing.assert_close(share["loss"], loss.detach(), rtol=1e-6, atol=1e-6)
        assert torch.equal(share["order"], pairs()[0])  # that of the batch which they share
    mean = (shares[0]["grad"] + shares[1]["grad"]) / 2  # as DistributedDataParallel averages
    torch.testing.assert_close(mean, weight.grad, rtol=1e-5, atol=1e-6)
