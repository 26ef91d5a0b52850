"""VGG-like tagger as released by Pons and Serra 2019."""

from __future__ import annotations

from typing import ClassVar, Unpack

from torch import Tensor, nn

from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.frontends.pons_mel import SAMPLE_RATE, WINDOW, PonsFrames, samples_of
from lightning_modules.layers.conv_blocks import conv2d
from lightning_modules.layers.musicnn_blocks import tf_norm2d


class Block3x3(nn.Module):
    """3x3 convolution, ReLU, batch norm, max-pool.

    Args:
        n_in: Input channels.
        n_out: Output channels.
        window: Bands and frames under the max-pool.
        stride: Bands and frames from one maximum to the next.
    """

    def __init__(self, n_in: int, n_out: int, window: tuple[int, int], stride: int) -> None:
        super().__init__()
        self.conv = conv2d(n_in, n_out, 3)
        self.bn = tf_norm2d(n_out)
        self.pool = nn.MaxPool2d(window, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, F, T) to (B, n_out, ...)."""
        y: Tensor = self.pool(self.bn(self.conv(x).relu_()))
        return y


class PonsVGG(TaggingModule):
    """Five 3x3 convolutions with max-pools, and one dense layer on two points in time.

    605,748 parameters at 50 tags. It is the network of the package ``musicnn``, whose weights
    `tagbench pretrained` imports.

    Args:
        n_channels: Filters of each convolution.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "PonsVGG"
    sample_rate = SAMPLE_RATE
    input_samples = WINDOW
    min_samples = samples_of(130)  # fewer frames leave one point in time, and 194 leave three
    max_samples = samples_of(194) - 1
    title: ClassVar[str] = "VGG, released 2019"
    paper: ClassVar[str] = "Choi et al., ISMIR 2016; Pons and Serra, 2019 (arXiv:1909.06654)"
    bibtex: ClassVar[str] = """@inproceedings{pons2019musicnn,
  title={musicnn: Pre-trained convolutional neural networks for music audio tagging},
  author={Pons, Jordi and Serra, Xavier},
  booktitle={Late-breaking/demo session, ISMIR}, year={2019}}"""

    def __init__(self, *, n_channels: int = 128, **base: Unpack[BaseOptions]) -> None:
        super().__init__(**base)
        c = n_channels
        self.spec = PonsFrames()
        self.input_bn = tf_norm2d(1)
        self.blocks = nn.ModuleList(
            [
                Block3x3(1, c, (1, 4), 2),
                *(Block3x3(c, c, (2, 2), 2) for _ in range(3)),
                Block3x3(c, c, (4, 4), 4),
            ]
        )
        self.block_dropout = nn.Dropout(0.25)
        self.dropout = nn.Dropout(0.5)
        self.output = nn.Linear(2 * c, self.n_tags)

    def maps(self, levels: Tensor) -> list[Tensor]:
        """Map levels (B, 1, 96, T) to the outputs (B, 128, bands, frames) of the five blocks."""
        maps: list[Tensor] = []
        x = self.input_bn(levels)
        for block in self.blocks:
            x = block(self.block_dropout(x) if maps else x)
            maps.append(x)
        return maps

    def classify(self, levels: Tensor) -> Tensor:
        """Map levels (B, 1, 96, T) to logits (B, C)."""
        return self.output(self.dropout(_flat(self.maps(levels)[-1])))

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        self.check_length(audio)
        return self.classify(self.spec(audio))

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers as the package calls them."""
        return tuple(f"pool{number}" for number in range(1, 6))

    def embed_layers(self, audio: Tensor) -> dict[str, Tensor]:
        """Map audio (B, T) to the embeddings of all layers.

        Maps are averaged over time, which leaves (B, bands * 128). ``pool5``, the input of the
        output layer, keeps its two points in time.
        """
        self.check_length(audio)
        *maps, last = self.maps(self.spec(audio))
        flat = [*(_flat(x.mean(3, keepdim=True)) for x in maps), _flat(last)]
        return dict(zip(self.layer_names, flat, strict=True))


def _flat(x: Tensor) -> Tensor:
    """Flatten (B, channels, bands, frames) in the order of TensorFlow: frames, bands, channels."""
    return x.permute(0, 3, 2, 1).flatten(1)
