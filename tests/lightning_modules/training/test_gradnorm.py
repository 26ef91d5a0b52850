"""GradNorm against its published formula, computed by hand."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from lightning_modules.training.gradnorm import GradNorm

SLOPE = np.array([3.0, 4.0])


def test_gradients_of_weights_and_of_the_shared_layer_are_those_of_the_formula() -> None:
    shared = nn.Parameter(torch.tensor([2.0, 1.0]))
    balance = GradNorm(tasks=2, alpha=0.5)

    def step() -> tuple[torch.Tensor, np.ndarray]:
        losses = torch.stack([0.5 * (shared**2).sum(), (torch.tensor(SLOPE) * shared).sum()])
        total = balance(losses.float(), shared)
        shared.grad = balance.weights.grad = None
        total.backward()
        return total, losses.detach().numpy()

    total, initial = step()
    assert initial.tolist() == [2.5, 10.0]
    with torch.no_grad():
        shared.copy_(torch.tensor([1.0, 0.5]))
        balance.weights.copy_(torch.tensor([0.4, 1.2]))
    balance.rescale()
    weights = np.array([0.5, 1.5])  # their sum is the number of tasks
    np.testing.assert_allclose(balance.weights.detach(), weights, atol=1e-6)

    total, losses = step()
    at = np.array([1.0, 0.5])
    gradients = np.stack([at, SLOPE])  # of each loss with respect to the shared layer
    norms = np.linalg.norm(gradients, axis=1)
    rates = losses / initial
    target = (weights * norms).mean() * (rates / rates.mean()) ** 0.5  # a constant
    by_hand = np.sign(weights * norms - target) * norms
    np.testing.assert_allclose(balance.weights.grad, by_hand, rtol=1e-6)
    np.testing.assert_allclose(shared.grad, weights @ gradients, rtol=1e-6)
    np.testing.assert_allclose(total.item(), weights @ losses, rtol=1e-6)


def test_a_weight_below_zero_is_raised_to_zero() -> None:
    balance = GradNorm(tasks=3, alpha=0.5)
    with torch.no_grad():
        balance.weights.copy_(torch.tensor([-1.0, 1.0, 3.0]))
    balance.rescale()
    np.testing.assert_allclose(balance.weights.detach(), [0, 0.75, 2.25])
