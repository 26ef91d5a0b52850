"""The contrastive loss NT-Xent of SimCLR (Chen et al. 2020)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_modules.training.gathered import gathered, several_processes


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Return the normalised, temperature-scaled cross-entropy of N pairs of embeddings.

    Each of the 2 N embeddings is classified among the 2 N - 1 others by cosine similarity; its
    class is the other embedding of its pair. The loss is the mean over the 2 N.

    If several processes train the model, N is the number of pairs of all of them: each process
    returns the loss of the whole batch, and the average of their gradients is its gradient.

    Args:
        first: One embedding of each pair, (N, D).
        second: The other ones, (N, D).
        temperature: Divisor of the similarities.
    """
    if several_processes():
        first, second = gathered(first), gathered(second)
    z = F.normalize(torch.cat([first, second]).float(), dim=1)  # (2 N, D)
    n = len(first)
    # A mask in place of an infinite diagonal, so that no infinity enters the gradient.
    itself = torch.eye(2 * n, dtype=torch.bool, device=z.device)
    logits = (z @ z.T / temperature)[~itself].view(2 * n, 2 * n - 1)
    # Row i lacks column i, so that later columns move by one.
    partner = torch.cat([torch.arange(n, 2 * n) - 1, torch.arange(n)]).to(z.device)
    return F.cross_entropy(logits, partner)
