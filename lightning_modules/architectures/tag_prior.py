"""Baseline that predicts the tag frequencies of the training split for any input."""

from __future__ import annotations

from typing import ClassVar, Unpack

import torch
from torch import Tensor

from lightning_modules.base import BaseOptions, TaggingModule


class TagPrior(TaggingModule):
    """Predict the frequency of each tag in the training split, for any audio.

    Its macro ROC-AUC is 0.5 and its PR-AUC the mean tag frequency: the level of chance.
    """

    identity: ClassVar[str] = "TagPrior"
    default_stage: ClassVar[str] = "lightning_modules.stages.closed_form.ClosedForm"
    title: ClassVar[str] = "Tag prior"
    paper: ClassVar[str] = "The constant predictor; no paper."
    bibtex: ClassVar[str] = ""

    prior: Tensor

    def __init__(self, **base: Unpack[BaseOptions]) -> None:
        super().__init__(**base)
        self.register_buffer("prior", torch.zeros(self.n_tags))  # logits (C,)

    def fit_priors(self, counts: Tensor, total: int) -> None:
        """Set the logits whose probabilities are ``counts / total``.

        Frequencies of 0 and 1 are replaced by those of half a track, so that logits are finite.
        """
        frequency = (counts.double() / total).clamp(0.5 / total, 1 - 0.5 / total)
        logits = frequency.logit() if self.task == "multilabel" else frequency.log()
        self.prior.copy_(logits)

    def forward(self, audio: Tensor) -> Tensor:
        """Return the same logits (B, C) for any audio (B, T)."""
        return self.prior.expand(len(audio), -1)
