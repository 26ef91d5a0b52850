"""Batch norm of spectrograms, with a faster training step on a GPU.

cuDNN gives each channel to one block of threads, and a spectrogram has one channel or a few: its
forward and backward pass take 20 of the 58 ms of a step of FCN. With reductions by all blocks, the
whole step takes 32 ms (H200, 64 windows, bfloat16).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_FEW = 8


class SpectrogramNorm(nn.BatchNorm2d):
    """Batch norm of spectrograms (B, C, F, T) with the results of `torch.nn.BatchNorm2d`."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, C, F, T)."""
        if not (self.training and x.is_cuda and x.shape[1] <= _FEW):
            return super().forward(x)
        return self.normalise(x)

    def normalise(self, x: Tensor) -> Tensor:
        """Normalise (B, C, F, T) by its own statistics, and update the running ones."""
        var, mean = torch.var_mean(x, (0, 2, 3), correction=0, keepdim=True)  # (1, C, 1, 1)
        self._track(var.detach().flatten(), mean.detach().flatten(), x.numel() // x.shape[1])
        y = (x - mean) * (var + self.eps).rsqrt()
        if self.affine:
            y = y * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)
        return y

    def _track(self, var: Tensor, mean: Tensor, count: int) -> None:
        """Move the running statistics towards those of a batch of ``count`` values a channel."""
        running_mean, running_var, steps = (
            self.running_mean, self.running_var, self.num_batches_tracked,
        )  # fmt: skip
        if running_mean is None or running_var is None or steps is None or self.momentum is None:
            raise TypeError("a spectrogram norm tracks its statistics with a momentum")
        steps.add_(1)
        running_mean.lerp_(mean, self.momentum)
        running_var.lerp_(var * (count / (count - 1)), self.momentum)
