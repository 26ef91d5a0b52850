"""A small head on the embeddings of another architecture, whose weights are frozen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

import torch
from torch import Tensor, nn

from datamodules.common.errors import TagbenchError
from lightning_modules.base import BaseOptions
from lightning_modules.frozen.head import EncoderHead, check_equal_widths

ALL_LAYERS = "all"
"""Value of ``layer`` for the sum of all layers with learned weights."""


class Probe(EncoderHead):
    """A linear layer, or one hidden layer, on frozen embeddings.

    Its parent ``encoder`` decides the embeddings: any trained architecture with an output layer, or
    a pretrained encoder. Only the head is learned, and only its parameters are counted.

    Args:
        encoder: See `EncoderHead`.
        hidden: Units of a hidden layer with ReLU; 0 for a linear head.
        layer: Layer of the encoder; the last if empty. ``all`` adds all layers with weights that
            are learned, the softmax of one parameter for each layer (Peters et al., NAACL 2018).
        dropout: Share of the hidden units that are left out in training.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "Probe"
    added: ClassVar[frozenset[str]] = frozenset({"layer", "dropout"})
    default_stage: ClassVar[str] = "lightning_modules.stages.linear_probe.LinearProbe"
    title: ClassVar[str] = "Probe"
    paper: ClassVar[str] = (
        "Alain and Bengio, ICLR 2017 workshop; Spijkervet and Burgoyne, ISMIR 2021"
    )
    bibtex: ClassVar[str] = """@inproceedings{alain2017understanding,
  title={Understanding intermediate layers using linear classifier probes},
  author={Alain, Guillaume and Bengio, Yoshua},
  booktitle={Proc. ICLR, workshop track}, year={2017}}"""

    def __init__(
        self,
        *,
        encoder: Mapping[str, Any],
        hidden: int = 0,
        layer: str = "",
        dropout: float = 0.0,
        **base: Unpack[BaseOptions],
    ) -> None:
        super().__init__(encoder=encoder, **base)
        if hidden < 0:
            raise TagbenchError(f"Probe: expected a hidden size of 0 or more, got {hidden}.")
        if not 0 <= dropout < 1 or (dropout and not hidden):
            raise TagbenchError(
                f"Probe: expected a dropout from 0 to below 1, and hidden units that it can leave "
                f"out, got dropout: {dropout} with hidden: {hidden}."
            )
        self.hidden = hidden
        self.columns: slice | None = None
        if layer == ALL_LAYERS:
            size = check_equal_widths(self.encoder, "Probe with layer: all")
            self.layer_weights = nn.Parameter(torch.zeros(len(self.encoder.layer_names)))
        else:
            self.columns = self.columns_of(layer or self.encoder.layer_names[-1])
            size = self.columns.stop - self.columns.start
        layers: list[nn.Module] = [nn.Linear(size, hidden), nn.ReLU()] if hidden else []
        if dropout:
            layers.append(nn.Dropout(dropout))
        self.head = nn.Sequential(*layers, nn.Linear(hidden or size, self.n_tags))

    def head_logits(self, vectors: Tensor) -> Tensor:
        """Map the vectors of all layers (B, D) to logits (B, C)."""
        if self.columns is None:
            layers = vectors.reshape(len(vectors), len(self.layer_weights), -1)  # (B, L, width)
            chosen = torch.einsum("blw,l->bw", layers, self.layer_weights.softmax(0))
        else:
            chosen = vectors[:, self.columns]
        logits: Tensor = self.head(chosen)
        return logits
