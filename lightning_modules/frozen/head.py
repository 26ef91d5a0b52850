"""Models that predict tags from the outputs of a frozen encoder."""

from __future__ import annotations

import importlib
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self, Unpack

import torch
from torch import Tensor

from datamodules.base import Batch
from datamodules.common.errors import TagbenchError, unknown_name
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.inputs import InputSpec

ENCODER = "encoder."
"""Prefix of the names of the encoder's tensors."""


class VectorCache:
    """Vectors of the batch of audio last seen, for models that build on one encoder."""

    def __init__(self) -> None:
        self._audio: Tensor | None = None
        self._vectors: Tensor | None = None

    def get(self, encoder: TaggingModule, audio: Tensor) -> Tensor:
        """Return `layer_vectors`, computed only if ``audio`` is another tensor than before."""
        if self._vectors is None or audio is not self._audio:
            self._audio, self._vectors = audio, layer_vectors(encoder, audio)
        return self._vectors


class EncoderHead(TaggingModule):
    """A model that predicts tags from the vectors of a frozen encoder.

    A subclass implements `head_logits`. Its parent ``encoder`` decides the vectors: any trained or
    imported architecture that has embeddings.

    Args:
        encoder: Import path (``class_path``) and ``params`` of the architecture of the parent, and
            its number of outputs (``n_tags``) if it predicts other tags.
        **base: See ``TaggingModule``.

    Attributes:
        cache: Cache to share with other models on the same encoder while they process the same
            batches; None computes all vectors.
    """

    built_on: ClassVar[tuple[str, ...]] = ("encoder",)
    cache: VectorCache | None

    def __init__(self, *, encoder: Mapping[str, Any], **base: Unpack[BaseOptions]) -> None:
        super().__init__(**base)
        self.cache = None
        self._has_weights = False
        encoder_class = class_of(encoder)
        self.encoder = encoder_class(
            **encoder["params"],
            n_tags=encoder.get("n_tags", self.n_tags),
            task=self.task,
            seed=self.seed,
        )
        self.encoder.requires_grad_(False)

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

    def load_encoder(self, encoder: TaggingModule) -> None:
        """Copy the weights of the parent."""
        self.encoder.load_state_dict(encoder.state_dict())
        self._has_weights = True

    @abstractmethod
    def head_logits(self, vectors: Tensor) -> Tensor:
        """Map `layer_vectors` (B, D) to logits (B, C)."""

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        with torch.no_grad():
            cache = self.cache
            vectors = (
                cache.get(self.encoder, audio) if cache else layer_vectors(self.encoder, audio)
            )
        return self.head_logits(vectors)

    def batch_logits(self, batch: Batch) -> Tensor:
        """Return the logits (W, C) of a batch of audio or of vectors."""
        if "embeddings" not in batch:
            return super().batch_logits(batch)
        return self.head_logits(batch["embeddings"].float())

    def valid_logits(self, batch: Batch) -> Tensor:
        """Return the logits (W, C) of a validation batch of audio or of vectors."""
        return self.batch_logits(batch) if "embeddings" in batch else super().valid_logits(batch)

    def columns_of(self, layer: str) -> slice:
        """Return the columns of a layer in `layer_vectors`.

        Raises:
            TagbenchError: The encoder has no such layer.
        """
        widths = self.encoder.layer_widths
        if layer not in widths:
            raise unknown_name("layer", layer, widths, f"encoder {type(self.encoder).__name__}")
        names = list(widths)
        first = sum(widths[name] for name in names[: names.index(layer)])
        return slice(first, first + widths[layer])

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out the weights of an encoder that was never trained: its own cell holds them."""
        super().on_save_checkpoint(checkpoint)
        if not self.encoder.predicts:
            weights = checkpoint["state_dict"]
            for name in [name for name in weights if name.startswith(ENCODER)]:
                del weights[name]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the weights of an encoder that the checkpoint leaves out.

        Raises:
            TagbenchError: The encoder has only its initial weights.
        """
        super().on_load_checkpoint(checkpoint)
        weights = checkpoint["state_dict"]
        if any(name.startswith(ENCODER) for name in weights):
            return
        if not self._has_weights:
            raise TagbenchError(
                "The checkpoint leaves the weights of its encoder to the cell of the encoder. Read "
                "both with benchmark.checkpoints.checkpoint.load_checkpoint(folder)."
            )
        for name, value in self.encoder.state_dict().items():
            weights[ENCODER + name] = value


def layer_vectors(encoder: TaggingModule, audio: Tensor) -> Tensor:
    """Map audio (B, T) to the vectors of all layers, one after the other (B, D), in float32."""
    layers = encoder.embed_layers(audio)
    return torch.cat([layers[name].float() for name in encoder.layer_names], dim=1)


def class_of(encoder: Mapping[str, Any]) -> type[TaggingModule]:
    """Return the class of a parent from its import path (``class_path``)."""
    module, _, name = encoder["class_path"].rpartition(".")
    cls: type[TaggingModule] = getattr(importlib.import_module(module), name)
    return cls


def check_equal_widths(encoder: TaggingModule, name: str) -> int:
    """Return the width that all layers of an encoder have.

    Raises:
        TagbenchError: They differ.
    """
    widths = encoder.layer_widths
    if len(set(widths.values())) > 1:
        sizes = ", ".join(f"{layer}: {width}" for layer, width in widths.items())
        raise TagbenchError(
            f"{name} adds the layers of its encoder, which need one width; found {sizes}. Choose "
            "one layer instead: layer: NAME"
        )
    return next(iter(widths.values()))
