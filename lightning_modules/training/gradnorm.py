"""GradNorm: weights of tasks that equalise their training rates (Chen et al., ICML 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GradNorm(nn.Module):
    """Weights of T tasks, learned so that all of them train at similar rates.

    Task i has the loss L_i, its weight w_i, and G_i, the norm of the gradient of w_i L_i with
    respect to the last shared layer. With the relative inverse training rate r_i, the ratio
    L_i / L_i(0) divided by its mean over the tasks, the weights minimise the sum over i of
    |G_i - mean(G) r_i^alpha|, in which mean(G) r_i^alpha is a constant. Their sum is T before each
    step.

    The optimizer of the model changes the weights; ``lr_groups`` of a recipe gives them a rate.

    Args:
        tasks: Number of tasks, T.
        alpha: Strength of the balance; the replication of artist group factors uses 0.5.
    """

    initial: Tensor

    def __init__(self, tasks: int, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha
        self.weights = nn.Parameter(torch.ones(tasks))
        self.register_buffer("initial", torch.zeros(tasks))

    @torch.no_grad()
    def rescale(self) -> None:
        """Make the sum of the weights T, and no weight negative: such a task would unlearn."""
        weights = self.weights.clamp_min(0)
        self.weights.copy_(weights * len(weights) / weights.sum().clamp_min(1e-6))

    def forward(self, losses: Tensor, shared: Tensor) -> Tensor:
        """Return the weighted sum of the losses, from which the weights get their own gradient.

        Args:
            losses: Loss of each task (T,).
            shared: Weight of the last layer that all tasks share.
        """
        values = losses.detach()
        if not self.initial.any():  # the first step
            self.initial.copy_(values)
        norms = torch.stack(
            [torch.autograd.grad(loss, shared, retain_graph=True)[0].norm() for loss in losses]
        ).float()
        rates = values / self.initial.clamp_min(1e-12)
        rates = rates / rates.mean().clamp_min(1e-12)
        weighted = self.weights * norms
        apart = (weighted - weighted.detach().mean() * rates**self.alpha).abs().sum()
        # The value is that of the tasks, and the gradient of the weights that of ``apart``.
        return (self.weights.detach() * losses).sum() + apart - apart.detach()
