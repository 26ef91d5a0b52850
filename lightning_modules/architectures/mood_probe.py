"""Moods, or any tags, from the embeddings of a tagger, also joined with vectors of tracks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

import numpy as np
import torch
from torch import Tensor

from datamodules.common.parameters import check_minimum
from datamodules.corpus.track import Float32
from datamodules.views.audio_windows import AudioWindows
from datamodules.views.catalogue import joined_view
from datamodules.views.joined import Joined
from lightning_modules.architectures.mood_mlp import BIBTEX, PAPER
from lightning_modules.base import BaseOptions
from lightning_modules.frozen.head import EncoderHead, layer_vectors
from lightning_modules.inputs import InputSpec
from lightning_modules.layers.heads.moods import MoodHead

Views = list[dict[str, Any]]


class MoodProbe(EncoderHead):
    """The network of `MoodMlp` on frozen embeddings of audio.

    The scores of a track are the means over its windows. The publication takes the mean of the
    embeddings instead: write it with ``tagbench embed``, and name the file in a `MoodMlp`.

    Args:
        encoder: See `EncoderHead`.
        views: Views with one row that follow the embeddings, such as listening vectors; see
            `datamodules.views.catalogue.joined_view`. None for embeddings alone.
        layer: Layer of the encoder; the last if empty.
        units: Units of each hidden layer.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "MoodProbe"
    through_view: ClassVar[tuple[str, ...]] = ("views",)
    default_stage: ClassVar[str] = "lightning_modules.stages.mood_probe.MoodProbing"
    title: ClassVar[str] = "Mood MLP on embeddings"
    paper: ClassVar[str] = PAPER
    bibtex: ClassVar[str] = BIBTEX

    def __init__(
        self,
        *,
        encoder: Mapping[str, Any],
        views: Views | None = None,
        layer: str = "",
        units: int = 3933,
        **base: Unpack[BaseOptions],
    ) -> None:
        super().__init__(encoder=encoder, **base)
        check_minimum(1, units=units)
        self.n_further = joined_view(views).width if views else 0
        self.columns = self.columns_of(layer or self.encoder.layer_names[-1])
        size = self.columns.stop - self.columns.start + self.n_further
        self.head = MoodHead(size, units, self.n_tags)

    @classmethod
    def input_spec(cls, *, views: Views | None = None, **params: Any) -> InputSpec:
        """Return what the encoder takes, followed by the further views."""
        spec = super().input_spec(**params)
        if not views:
            return spec
        rate, window, rows = spec.sample_rate, spec.window, spec.view
        if rows is None:
            rows, window = AudioWindows(rate, spec.window), 1
        return InputSpec(rate, window, 1, None, Joined(rate, rows, joined_view(views)))

    def forward(self, inputs: Tensor) -> Tensor:
        """Map the input of the encoder, or rows (B, R, width) with further values, to logits."""
        if not self.n_further:
            return super().forward(inputs)
        with torch.no_grad():
            vectors = self._vectors_of(inputs)
        return self.head_logits(vectors)

    def _vectors_of(self, rows: Tensor) -> Tensor:
        """Map rows (B, R, width) to the vectors of all layers and the further values (B, D)."""
        own = rows[..., : rows.shape[2] - self.n_further]
        audio = own[:, 0] if self.encoder.view is None else own
        further = rows[:, 0, rows.shape[2] - self.n_further :]
        return torch.cat([layer_vectors(self.encoder, audio), further], 1)

    def chosen(self, vectors: Float32) -> Float32:
        """Return the values (..., D) that the head reads, of vectors of all layers and further."""
        places = np.arange(vectors.shape[-1])
        further = places[len(places) - self.n_further :]
        return vectors[..., np.concatenate([places[self.columns], further])]

    def head_logits(self, vectors: Tensor) -> Tensor:
        """Map the vectors of all layers, and the further values, (B, D) to logits (B, C)."""
        layer, further = vectors[:, self.columns], vectors[:, vectors.shape[1] - self.n_further :]
        logits: Tensor = self.head(torch.cat([layer, further], 1))
        return logits
