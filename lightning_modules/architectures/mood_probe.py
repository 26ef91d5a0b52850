"""Moods, or any tags, from the embeddings of a tagger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from torch import Tensor

from datamodules.common.parameters import check_minimum
from lightning_modules.architectures.mood_mlp import BIBTEX, PAPER
from lightning_modules.base import BaseOptions
from lightning_modules.frozen.head import EncoderHead
from lightning_modules.layers.heads.moods import MoodHead


class MoodProbe(EncoderHead):
    """The network of `MoodMlp` on frozen embeddings of audio.

    The scores of a track are the means over its windows. The publication takes the mean of the
    embeddings instead: write it with ``tagbench embed``, and name the file in a `MoodMlp`.

    Args:
        encoder: See `EncoderHead`.
        layer: Layer of the encoder; the last if empty.
        units: Units of each hidden layer.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "MoodProbe"
    default_stage: ClassVar[str] = "lightning_modules.stages.mood_probe.MoodProbing"
    title: ClassVar[str] = "Mood MLP on embeddings"
    paper: ClassVar[str] = PAPER
    bibtex: ClassVar[str] = BIBTEX

    def __init__(
        self,
        *,
        encoder: Mapping[str, Any],
        layer: str = "",
        units: int = 3933,
        **base: Unpack[BaseOptions],
    ) -> None:
        super().__init__(encoder=encoder, **base)
        check_minimum(1, units=units)
        self.columns = self.columns_of(layer or self.encoder.layer_names[-1])
        self.head = MoodHead(self.columns.stop - self.columns.start, units, self.n_tags)

    def head_logits(self, vectors: Tensor) -> Tensor:
        """Map the vectors of all layers (B, D) to logits (B, C)."""
        logits: Tensor = self.head(vectors[:, self.columns])
        return logits
