"""A small head on the embeddings of another architecture, whose weights are frozen."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, ClassVar, Self, Unpack

import torch
from torch import Tensor, nn

from datamodules.base import Batch
from datamodules.common.errors import TagbenchError
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.inputs import InputSpec


class Probe(TaggingModule):
    """A linear layer, or one hidden layer, on frozen embeddings.

    Its parent ``encoder`` decides the embeddings: any trained architecture with an output layer.
    Only the head is learned, and only its parameters are counted.

    Args:
        encoder: Import path (``class_path``) and ``params`` of the architecture of the parent, and
            its number of outputs (``n_tags``) if it predicts other tags.
        hidden: Units of a hidden layer with ReLU; 0 for a linear head.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "Probe"
    built_on: ClassVar[tuple[str, ...]] = ("encoder",)
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
        self, *, encoder: Mapping[str, Any], hidden: int = 0, **base: Unpack[BaseOptions]
    ) -> None:
        super().__init__(**base)
        if hidden < 0:
            raise TagbenchError(f"Probe: expected a hidden size of 0 or more, got {hidden}.")
        self.hidden = hidden
        encoder_class = class_of(encoder)
        self.encoder = encoder_class(
            **encoder["params"],
            n_tags=encoder.get("n_tags", self.n_tags),
            task=self.task,
            seed=self.seed,
        )
        self.encoder.requires_grad_(False)
        size = self.encoder.classifier.in_features
        layers = [nn.Linear(size, hidden), nn.ReLU()] if hidden else []
        self.head = nn.Sequential(*layers, nn.Linear(hidden or size, self.n_tags))

    @classmethod
    def input_spec(cls, **params: Any) -> InputSpec:
        """Return the audio that the encoder takes."""
        encoder = params["encoder"]
        return class_of(encoder).input_spec(**encoder["params"])

    def train(self, mode: bool = True) -> Self:
        """Set the mode of the head; the encoder stays in evaluation mode."""
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        with torch.no_grad():
            embeddings = self.encoder.embed(audio)  # (B, D)
        return self.head(embeddings)

    def batch_logits(self, batch: Batch) -> Tensor:
        """Return the logits (W, C) of a batch of audio or of embeddings."""
        if "embeddings" not in batch:
            return super().batch_logits(batch)
        logits: Tensor = self.head(batch["embeddings"])
        return logits

    def valid_logits(self, batch: Batch) -> Tensor:
        """Return the logits (W, C) of a validation batch of audio or of embeddings."""
        return self.batch_logits(batch) if "embeddings" in batch else super().valid_logits(batch)


def class_of(encoder: Mapping[str, Any]) -> type[TaggingModule]:
    """Return the class of a parent from its import path (``class_path``)."""
    module, _, name = encoder["class_path"].rpartition(".")
    cls: type[TaggingModule] = getattr(importlib.import_module(module), name)
    return cls
