"""Embeddings of all processes that train a model together."""

from __future__ import annotations

import torch
from torch import Tensor, distributed


def several_processes() -> bool:
    """Return whether several processes train the model."""
    return distributed.is_available() and distributed.is_initialized()


def gathered(embeddings: Tensor) -> Tensor:
    """Return the embeddings of all processes, in the order of their ranks, with gradients."""
    return torch.cat(_of_each_process(embeddings))


def interleaved(embeddings: Tensor) -> Tensor:
    """Return the embeddings of all processes in the order of the batch that they share.

    The process of rank ``r`` holds the rows ``r::world``. With one process, these are its rows.
    """
    if not several_processes():
        return embeddings
    return torch.stack(_of_each_process(embeddings), dim=1).flatten(0, 1)


def _of_each_process(embeddings: Tensor) -> tuple[Tensor, ...]:
    from torch.distributed.nn import functional

    parts: tuple[Tensor, ...] = functional.all_gather(  # type: ignore[no-untyped-call]
        embeddings.contiguous()
    )
    return parts
