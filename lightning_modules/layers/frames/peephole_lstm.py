"""LSTM with peephole connections, which PyTorch does not have."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_modules.layers.float32 import full_float32


class PeepholeLSTM(nn.Module):
    """One LSTM layer whose gates see the cell state (Gers et al. 2002; Graves 2013).

    The input and the forget gate see the previous cell state, the output gate sees the new one,
    each through one weight per unit. States start at 0. The layer computes in float32 under
    autocast.

    Args:
        n_in: Values of a time step.
        n_units: Units, H.

    Attributes:
        weight_ih: Weights of the input (4 H, n_in), of the gates in the order input, forget, cell,
            output.
        weight_hh: Weights of the previous output (4 H, H).
        bias: Biases (4 H,).
        peephole: Weights of the cell state (3, H), of the input, forget and output gate.
    """

    def __init__(self, n_in: int, n_units: int) -> None:
        super().__init__()
        self.weight_ih = nn.Parameter(torch.empty(4 * n_units, n_in))
        self.weight_hh = nn.Parameter(torch.empty(4 * n_units, n_units))
        self.bias = nn.Parameter(torch.empty(4 * n_units))
        self.peephole = nn.Parameter(torch.empty(3, n_units))
        bound = 1 / math.sqrt(n_units)  # that of torch.nn.LSTM
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """Map a sequence (B, R, n_in) to outputs (B, R, H)."""
        with full_float32(x.device):
            # One product for all time steps; a step then only adds that of the previous output.
            steps = x.to(self.bias.dtype).transpose(0, 1).contiguous()  # (R, B, n_in)
            inputs = F.linear(steps, self.weight_ih, self.bias)
            recurrent = self.weight_hh.t()
            to_input, to_forget, to_output = self.peephole.unbind()
            h = c = x.new_zeros(len(x), self.peephole.shape[1], dtype=self.bias.dtype)
            outputs = []
            for step in inputs:  # (B, 4 H)
                i, f, g, o = torch.addmm(step, h, recurrent).chunk(4, 1)
                i = torch.addcmul(i, to_input, c).sigmoid()
                f = torch.addcmul(f, to_forget, c).sigmoid()
                c = torch.addcmul(f * c, i, g.tanh())
                h = torch.addcmul(o, to_output, c).sigmoid() * c.tanh()
                outputs.append(h)
            return torch.stack(outputs, 1)
