"""The network of artist group factors: a shared convolution, and a branch for each task."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

import torch
from torch import Tensor, nn

from datamodules.common.parameters import check_minimum
from lightning_modules import frontends
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.frontends.bands_at_22050 import HOP, SAMPLE_RATE, build_at_22050
from lightning_modules.inputs import InputSpec
from lightning_modules.layers.conv_blocks import ConvBlock2d
from lightning_modules.layers.fused_batchnorm import BatchNorm1d

SHARED, EMBEDDING, DROPOUT = 16, 256, 0.5
FEWEST_FRAMES = 16  # four pools halve time


class Branch(nn.Module):
    """Five 3x3 convolutions, one 1x1, the mean over the map, and a dense layer."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            ConvBlock2d(SHARED, 32),
            ConvBlock2d(32, 64),
            ConvBlock2d(64, 64),
            ConvBlock2d(64, 128),
            ConvBlock2d(128, 256, pooling=1),
            ConvBlock2d(256, 256, kernel=1, pooling=1),
        )
        self.dense = nn.Linear(256, EMBEDDING)
        self.bn = BatchNorm1d(EMBEDDING)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, shared: Tensor) -> Tensor:
        """Map the shared map (B, 16, 64, frames) to embeddings (B, 256)."""
        x = self.convolutions(shared).mean((2, 3))  # (B, 256, 4, frames // 16) before the mean
        embeddings: Tensor = self.dropout(self.bn(self.dense(x)).relu())
        return embeddings


class ArtistGroupNetwork(TaggingModule):
    """A convolution that all tasks share, and a branch of six convolutions for each task.

    The 256 values of each branch are concatenated, and a linear layer classifies them: one branch
    is the network of a single task, and several are the encoder of a multi-task transfer. The
    publication does not state its layers; they are those of a replication
    (github.com/falkaer/artist-group-factors), and batch norm after each convolution is a choice of
    tagbench. One branch has 567,346 parameters at 16 genres.

    Args:
        branches: Number of branches.
        frames: Frames of a window, 23.2 ms each. The replication has 43 (1 s) and 322 (7.5 s).
        frontend: Front end, see ``lightning_modules.frontends``.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "ArtistGroupNetwork"
    title: ClassVar[str] = "Artist group network"
    paper: ClassVar[str] = "Kim et al., WWW 2018 companion"
    bibtex: ClassVar[str] = """@inproceedings{kim2018transfer,
  author={Kim, Jaehun and Won, Minz and Serra, Xavier and Liem, Cynthia C. S.},
  title={Transfer learning of artist group factors to musical genre classification},
  booktitle={Companion Proc. WWW}, pages={1929--1934}, year={2018}}"""

    def __init__(
        self,
        *,
        branches: int = 1,
        frames: int = 43,
        frontend: frontends.Options = "log_mel",
        **base: Unpack[BaseOptions],
    ) -> None:
        super().__init__(**base)
        check_minimum(1, branches=branches)
        check_minimum(FEWEST_FRAMES, frames=frames)
        self.spec = build_at_22050(frontend)
        self.input_bn = nn.BatchNorm2d(self.spec.channels)
        self.shared = ConvBlock2d(self.spec.channels, SHARED, 5, pooling=(2, 1))
        self.branches = nn.ModuleList(self.new_branch() for _ in range(branches))
        self.dense = nn.Linear(branches * EMBEDDING, self.n_tags)

    @classmethod
    def input_spec(cls, *, frames: int = 43, **_: Any) -> InputSpec:
        """Return windows of a number of frames."""
        return InputSpec(SAMPLE_RATE, (frames - 1) * HOP, min_samples=(FEWEST_FRAMES - 1) * HOP)

    @property
    def shared_weight(self) -> Tensor:
        """Weight of the shared convolution."""
        return self.shared.conv.weight

    @property
    def branch_size(self) -> int:
        """Size of the embedding of a branch."""
        return EMBEDDING

    def new_branch(self) -> nn.Module:
        """Build a branch that maps the shared map to embeddings (B, 256)."""
        return Branch()

    def shared_map(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to the shared map (B, 16, 64, frames)."""
        self.check_length(audio)
        shared: Tensor = self.shared(self.input_bn(self.spec(audio)))
        return shared

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        shared = self.shared_map(audio)
        return self.dense(torch.cat([branch(shared) for branch in self.branches], 1))
