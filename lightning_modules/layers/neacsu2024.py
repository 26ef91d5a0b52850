"""Layers that the networks of Neacsu 2024 share.

The study names its building blocks: convolution, max-pool, batch norm, dropout, a recurrent layer,
and a dense output with a sigmoid. It does not state their sizes. The sizes are those of tagbench.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from torch import Tensor, nn

from lightning_modules.layers.conv_blocks import ConvBlock1d

Cell = Literal["rnn", "lstm", "gru"]

NEACSU2024 = """@misc{neacsu2024tagging,
  author={Neac{\\c{s}}u},
  title={[Music tagging with {1D} and {2D} convolutional and recurrent networks]},
  howpublished={Slides}, year={2024}}"""

_CELLS: Mapping[Cell, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def wave_block(n_in: int, n_out: int, *, stride: int = 1) -> nn.Sequential:
    """Build a block of the 1-D networks, which maps (B, n_in, T) to (B, n_out, T / stride / 4).

    Convolution of length 9, batch norm, ReLU, max-pool of 4, dropout 0.2.
    """
    return nn.Sequential(ConvBlock1d(n_in, n_out, 9, stride=stride, pooling=4), nn.Dropout(0.2))


def wave_blocks(*widths: int) -> nn.Sequential:
    """Build blocks from one channel to each of ``widths`` in turn; the first has stride 4."""
    first, *others = widths
    blocks = [wave_block(1, first, stride=4)]
    for n_in, n_out in zip(widths, others, strict=False):
        blocks.append(wave_block(n_in, n_out))
    return nn.Sequential(*blocks)


def dense_head(n_in: int, n_hidden: int, n_tags: int) -> nn.Sequential:
    """Build the layers after the features: dense, ReLU, dropout 0.5, dense."""
    return nn.Sequential(
        nn.Linear(n_in, n_hidden), nn.ReLU(), nn.Dropout(0.5), nn.Linear(n_hidden, n_tags)
    )


class LastState(nn.Module):
    """Recurrent layer whose state after the last step is its output.

    Args:
        cell: ``rnn`` (Elman, tanh), ``lstm`` or ``gru``.
        n_in: Features of a step.
        n_out: Size of the state.
    """

    def __init__(self, cell: Cell, n_in: int, n_out: int) -> None:
        super().__init__()
        self.rnn = _CELLS[cell](n_in, n_out, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, T) to (B, n_out)."""
        states: Tensor = self.rnn(x.transpose(1, 2))[0]  # (B, T, n_out)
        return states[:, -1]
