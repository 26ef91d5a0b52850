"""Tags from the similarity of audio to texts, without any training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

import torch
from torch import Tensor
from torch.nn import functional as F

from datamodules.common.errors import TagbenchError
from lightning_modules.base import BaseOptions
from lightning_modules.frozen.head import EncoderHead


class ZeroShot(EncoderHead):
    """Logits of CLAP: cosines of audio and one prompt for each tag, times a learned factor.

    The vectors of the prompts are part of the weights, which `ZeroShotPrompts` computes. A
    single-label task has the softmax of the logits. The scores of a multi-label task are cosines,
    mapped to [0, 1]: the publication defines no probability, and the sigmoid of such large logits
    would be 1 for many tags. Only their order is meaningful.

    Args:
        encoder: See `EncoderHead`; a ``lightning_modules.encoders.clap.Clap``.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "ZeroShot"
    default_stage: ClassVar[str] = "lightning_modules.stages.zero_shot.ZeroShotPrompts"
    title: ClassVar[str] = "Zero-shot"
    paper: ClassVar[str] = "Wu et al., ICASSP 2023"
    bibtex: ClassVar[str] = """@inproceedings{wu2023clap,
  title={Large-Scale Contrastive Language-Audio Pretraining with Feature Fusion and
    Keyword-to-Caption Augmentation},
  author={Wu, Yusong and Chen, Ke and Zhang, Tianyu and Hui, Yuchen and Berg-Kirkpatrick, Taylor
    and Dubnov, Shlomo},
  booktitle={Proc. ICASSP}, year={2023}}"""
    prompts: Tensor
    scale: Tensor

    def __init__(self, *, encoder: Mapping[str, Any], **base: Unpack[BaseOptions]) -> None:
        super().__init__(encoder=encoder, **base)
        if not hasattr(self.encoder, "embed_texts"):
            raise TagbenchError(
                "ZeroShot compares audio with texts: expected an encoder that reads texts, such as "
                f"clap, found {type(self.encoder).__name__}."
            )
        self.columns = self.columns_of(self.encoder.layer_names[-1])
        size = self.columns.stop - self.columns.start
        self.register_buffer("prompts", torch.zeros(self.n_tags, size))
        self.register_buffer("scale", torch.ones(()))

    def fit_prompts(self, vectors: Tensor, scale: float) -> None:
        """Set the vectors (C, D) of the prompts, of length one, and the factor of the cosines."""
        self.prompts.copy_(vectors)
        self.scale.fill_(scale)

    def head_logits(self, vectors: Tensor) -> Tensor:
        """Map the vectors of all layers (B, D) to logits (B, C)."""
        return F.normalize(vectors[:, self.columns], dim=1) @ self.prompts.T * self.scale

    def probabilities(self, logits: Tensor) -> Tensor:
        """Map logits (B, C) to the softmax, or to (1 + cosine) / 2 of a multi-label task."""
        if self.task == "singlelabel":
            return super().probabilities(logits)
        return (1 + logits.float() / self.scale).clamp(0, 2) / 2
