"""Mean of selected values of a batch that several processes may share."""

from __future__ import annotations

from torch import Tensor
from torch.distributed import all_reduce, get_world_size, is_initialized


def masked_mean(values: Tensor, kept: Tensor) -> Tensor:
    """Return the mean of the values that are kept; 0 if none is.

    If several processes train the model, the number of kept values may differ between them. Each
    divides its sum by the mean number, so that the average of their results, and of their
    gradients, is that of the whole batch.

    Args:
        values: Any shape.
        kept: Of the same shape, true for the values that count.
    """
    count = kept.sum().float()
    world = 1
    if is_initialized():
        all_reduce(count)
        world = get_world_size()
    return (values * kept).sum() / (count.clamp(min=1) / world)
