"""Front end on the waveform (Lee et al. 2017), as in Won et al. 2019."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from lightning_modules.layers.conv_blocks import ConvBlock1d


class SampleLevelFront(nn.Module):
    """Convolutions of length 3, each of which divides time by 3.

    Args:
        n_channels: Channels of the first layers, c; later ones have 2 c and 4 c.
        width: Channels of the output.
        to_one_point: Whether ten layers reduce 59,049 samples to one point; otherwise five give one
            point for 243 samples.
    """

    def __init__(self, n_channels: int, width: int, *, to_one_point: bool) -> None:
        super().__init__()
        c = n_channels
        sizes = [c, c, *[2 * c] * (6 if to_one_point else 3), *[4 * c] * (2 * to_one_point)]
        self.init_conv = ConvBlock1d(1, c, 3, stride=3)
        self.convs = nn.ModuleList([ConvBlock1d(a, b, 3, pooling=3) for a, b in pairwise(sizes)])
        self.conv1x1 = ConvBlock1d(sizes[-1], width, 1 if to_one_point else 7)

    def forward(self, x: Tensor) -> Tensor:
        """Map audio (B, 1, T) to (B, width, T // 243), or (B, width, 1)."""
        x = self.init_conv(x)
        for layer in self.convs:
            x = layer(x)
        return self.conv1x1(x)
