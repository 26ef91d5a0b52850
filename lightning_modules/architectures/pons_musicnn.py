"""Musicnn as released by Pons and Serra 2019."""

from __future__ import annotations

from typing import ClassVar, Unpack

import torch
from torch import Tensor, nn

from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.frontends.pons_mel import (
    BANDS,
    SAMPLE_RATE,
    WINDOW,
    PonsFrames,
    samples_of,
)
from lightning_modules.layers.musicnn_blocks import Dense, Temporal, Timbral, tf_norm1d, tf_norm2d


class PonsMusicnn(TaggingModule):
    """Musically motivated filters over 187 frames, three residual convolutions, max and mean.

    787,159 parameters at 50 tags. It is the network of the package ``musicnn``, whose weights
    `tagbench pretrained` imports. It differs from ``Musicnn`` of Won et al. 2020 in the front end,
    the even lengths of the temporal filters, the maximum over frequency after these, the order of
    ReLU and batch norm, and the batch norm of the pooled features.

    Args:
        n_channels: Width of the middle convolutions.
        n_hidden: Width of the dense layer.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "PonsMusicnn"
    sample_rate = SAMPLE_RATE
    input_samples = WINDOW
    min_samples = samples_of(1)
    title: ClassVar[str] = "Musicnn, released 2019"
    paper: ClassVar[str] = "Pons et al., ISMIR 2018; Pons and Serra, 2019 (arXiv:1909.06654)"
    bibtex: ClassVar[str] = """@inproceedings{pons2019musicnn,
  title={musicnn: Pre-trained convolutional neural networks for music audio tagging},
  author={Pons, Jordi and Serra, Xavier},
  booktitle={Late-breaking/demo session, ISMIR}, year={2019}}"""

    def __init__(
        self, *, n_channels: int = 64, n_hidden: int = 200, **base: Unpack[BaseOptions]
    ) -> None:
        super().__init__(**base)
        self.spec = PonsFrames()
        self.input_bn = tf_norm2d(1)
        heights = (int(0.4 * BANDS), int(0.7 * BANDS))
        self.timbral = nn.ModuleList(Timbral(204, height) for height in heights)
        self.temporal = nn.ModuleList(Temporal(51, length) for length in (128, 64, 32))
        n_front = 2 * 204 + 3 * 51  # 561
        self.cnn1 = Dense(n_front, n_channels)
        self.cnn2 = Dense(n_channels, n_channels)
        self.cnn3 = Dense(n_channels, n_channels)
        n_pooled = 2 * (n_front + 3 * n_channels)
        self.pool_bn = tf_norm1d(n_pooled)
        self.dropout = nn.Dropout(0.5)
        self.dense = nn.Linear(n_pooled, n_hidden)
        self.dense_bn = tf_norm1d(n_hidden)
        self.output = nn.Linear(n_hidden, self.n_tags)

    def maps(self, levels: Tensor) -> dict[str, Tensor]:
        """Map levels (B, 1, 96, T) to the maps (B, channels, T) of each layer before the pool."""
        x = self.input_bn(levels)
        timbral = torch.cat([layer(x) for layer in self.timbral], 1)  # (B, 408, 187)
        temporal = torch.cat([layer(x) for layer in self.temporal], 1)  # (B, 153, 187)
        first = self.cnn1(torch.cat([timbral, temporal], 1))  # (B, 64, 187)
        second = self.cnn2(first) + first
        third = self.cnn3(second) + second
        names = ("timbral", "temporal", "cnn1", "cnn2", "cnn3")
        return dict(zip(names, (timbral, temporal, first, second, third), strict=True))

    def penultimate(self, maps: dict[str, Tensor]) -> Tensor:
        """Map the result of `maps` to the input (B, 200) of the output layer."""
        x = torch.cat(list(maps.values()), 1)  # (B, 753, 187)
        # The maximum and the mean of each channel are neighbours.
        pooled = torch.stack([x.amax(2), x.mean(2)], 2).flatten(1)  # (B, 1506)
        hidden = self.dense(self.dropout(self.pool_bn(pooled))).relu()
        return self.dense_bn(hidden)

    def classify(self, levels: Tensor) -> Tensor:
        """Map levels (B, 1, 96, T) to logits (B, C)."""
        return self.output(self.dropout(self.penultimate(self.maps(levels))))

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        self.check_length(audio)
        return self.classify(self.spec(audio))

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers as the package calls them."""
        maps = ("timbral", "temporal", "cnn1", "cnn2", "cnn3")
        return (*maps, "mean_pool", "max_pool", "penultimate")

    def embed_layers(self, audio: Tensor) -> dict[str, Tensor]:
        """Map audio (B, T) to the embeddings of all layers: maps are averaged over time."""
        self.check_length(audio)
        maps = self.maps(self.spec(audio))
        layers = {name: x.mean(2) for name, x in maps.items()}
        layers["mean_pool"] = torch.cat(list(layers.values()), 1)
        layers["max_pool"] = torch.cat([x.amax(2) for x in maps.values()], 1)
        return {**layers, "penultimate": self.penultimate(maps)}
