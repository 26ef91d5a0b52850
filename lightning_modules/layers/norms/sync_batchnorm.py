"""Batch norm over the batches of all processes that train a model together.

`torch.nn.SyncBatchNorm` runs on accelerators only. The class of this module does the same on the
CPU, so that several processes can be tested, and used, without a GPU.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.distributed import all_reduce, is_initialized
from torch.nn.modules.batchnorm import _BatchNorm


class SyncBatchNorm(_BatchNorm):
    """Batch norm of (B, C, ...) whose statistics are those of all processes.

    Parameters, buffers and their names are those of `torch.nn.BatchNorm2d`. In evaluation, and
    without a process group, it is the same layer.
    """

    @classmethod
    def replacing(cls, norm: _BatchNorm) -> SyncBatchNorm:
        """Return a layer with the parameters and the buffers of another."""
        new = cls(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        new.weight, new.bias = norm.weight, norm.bias
        new.running_mean, new.running_var = norm.running_mean, norm.running_var
        new.num_batches_tracked = norm.num_batches_tracked
        return new.train(norm.training)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, C, ...)."""
        if not (self.training and is_initialized()):
            return super().forward(x)
        dims = [d for d in range(x.ndim) if d != 1]
        shape = (1, -1) + (1,) * (x.ndim - 2)
        values = x.float()  # bfloat16 under autocast
        sums = torch.cat([values.sum(dims), values.new_tensor([x.numel() / x.shape[1]])])
        total = _sum_over_processes(sums)
        count = total[-1].detach()
        mean = total[:-1] / count
        centred = values - mean.view(shape)
        # In a second pass: the difference of two large sums would lose digits.
        var = _sum_over_processes(centred.square().sum(dims)) / count
        self._track(mean.detach(), var.detach(), count)
        y = centred * (var + self.eps).rsqrt().view(shape)
        if self.affine:
            y = y * self.weight.view(shape) + self.bias.view(shape)
        return y.to(x.dtype)

    def _track(self, mean: Tensor, var: Tensor, count: Tensor) -> None:
        """Move the running statistics towards those of a batch of ``count`` values a channel."""
        running, steps = (self.running_mean, self.running_var), self.num_batches_tracked
        if running[0] is None or running[1] is None or steps is None:
            return
        steps.add_(1)
        share = self.momentum if self.momentum is not None else 1.0 / float(steps)
        running[0].lerp_(mean, share)
        running[1].lerp_(var * count / (count - 1), share)

    def _check_input_dim(self, input: Tensor) -> None:
        """Accept any number of dimensions, as the layers that it replaces check it."""


class _AllReduce(torch.autograd.Function):
    """Sum over processes; the gradient is the sum of those of all processes."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        total = x.detach().clone()
        all_reduce(total)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: object, grad: Tensor) -> Tensor:
        total = grad.clone()
        all_reduce(total)
        return total


def _sum_over_processes(x: Tensor) -> Tensor:
    total: Tensor = _AllReduce.apply(x)  # type: ignore[no-untyped-call]
    return total


def synchronise(model: nn.Module) -> None:
    """Replace every batch norm layer of a model on the CPU by `SyncBatchNorm`."""
    for name, layer in model.named_children():
        if isinstance(layer, _BatchNorm):
            setattr(model, name, SyncBatchNorm.replacing(layer))
        else:
            synchronise(layer)
